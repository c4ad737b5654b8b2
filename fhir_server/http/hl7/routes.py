"""POST /hl7/v2 processes a message and answers its acknowledgement; POST /hl7/v2/$convert answers the FHIR Bundle.

Spec: https://hapifhir.github.io/hapi-hl7v2/hapi-hl7overhttp/specification.html (HL7 over HTTP, in its spirit)
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fhir_server.bridge.bridge import Bridge
from fhir_server.bridge.outbox import outbox_of
from fhir_server.http.decode import Disconnected, decompress, read_body
from fhir_server.http.hl7.body import in_its_charset
from fhir_server.http.hl7.outgoing import OutgoingSurface, counted
from fhir_server.http.negotiate import FHIR_JSON, media_type
from fhir_server.http.outcome import error_body
from fhir_server.kernel.errors import FhirError, NotFound, UnsupportedMediaType
from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.settings import Settings
from hl7_bridge.inbound.pipeline import Taken
from hl7_bridge.replay import readable, summary

ER7 = "x-application/hl7-v2+er7"
_TYPES = frozenset({ER7, "application/hl7-v2+er7", "application/hl7-v2", "application/edi-hl7v2", "text/plain"})

_Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


def hl7_routes(bridge: Bridge, settings: Settings) -> list[BaseRoute]:
    """Return the routes of the bridge."""
    surface = _Surface(bridge, settings)
    table: Mapping[tuple[str, str], _Answer] = {
        ("/hl7/v2", "POST"): surface.process,
        ("/hl7/v2/$convert", "POST"): surface.convert,
        ("/hl7/v2/dead-letters", "GET"): surface.dead_letters,
        ("/hl7/v2/dead-letters/{id}", "GET"): surface.dead_letter,
        ("/hl7/v2/dead-letters/{id}", "PUT"): surface.edit,
        ("/hl7/v2/dead-letters/{id}/$replay", "POST"): surface.replay,
        **OutgoingSurface(outbox_of(bridge.env)).table(),
    }
    return [Route(path, _guarded(answer), methods=[method]) for (path, method), answer in table.items()]


class _Surface:
    """The functions behind the routes."""

    def __init__(self, bridge: Bridge, settings: Settings) -> None:
        self._bridge = bridge
        self._settings = settings

    async def process(self, request: Request) -> Response:
        return _acknowledged(await self._bridge.inbound.take(await self._message(request)))

    async def convert(self, request: Request) -> Response:
        bundle = self._bridge.converted(await self._message(request))
        return Response(encode(bundle), media_type=FHIR_JSON)

    async def dead_letters(self, request: Request) -> Response:
        sender = request.query_params.get("sender")
        letters = await self._bridge.dead_letters.all(sender=sender, limit=counted(request))
        return JSONResponse({"deadLetters": [summary(letter) for letter in letters]})

    async def dead_letter(self, request: Request) -> Response:
        letter = await self._bridge.dead_letters.get(_id(request))
        if letter is None:
            raise _unknown(request)
        if media_type(request.headers.get("accept", "")).name in _TYPES:
            return Response(letter.raw, media_type=ER7)
        return JSONResponse({**summary(letter), "message": readable(letter)})

    async def edit(self, request: Request) -> Response:
        if not await self._bridge.dead_letters.edit(_id(request), await self._message(request)):
            raise _unknown(request)
        return Response(status_code=204)

    async def replay(self, request: Request) -> Response:
        taken = await self._bridge.dead_letters.replay(_id(request))
        if taken is None:
            raise _unknown(request)
        return _acknowledged(taken)

    async def _message(self, request: Request) -> bytes:
        type_ = media_type(request.headers.get("content-type") or ER7)
        if type_.name not in _TYPES:
            raise UnsupportedMediaType(f"send {ER7} or text/plain")
        limit = self._settings.hl7_max_message_bytes
        body = await read_body(
            request.receive,
            limit=limit,
            declared=request.headers.get("content-length"),
            patience_s=self._settings.body_patience_s,
        )
        return in_its_charset(type_, decompress(body, request.headers.get("content-encoding", ""), limit=limit))


def _guarded(answer: _Answer) -> _Answer:
    """Return the function with its errors rendered as OperationOutcome."""

    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except FhirError as error:
            return Response(error_body(error), error.status, error.headers, media_type=FHIR_JSON)
        except Disconnected:
            return Response(status_code=400)

    return guarded


def _acknowledged(taken: Taken) -> Response:
    """Return the last acknowledgement, which tells of the processing; its status says the same to HTTP's own tools."""
    status = {"accepted": 200, "error": 422, "rejected": 400}[taken.verdict.outcome]
    if taken.verdict.passing:
        status = 503
    if not taken.acks:
        return Response(status_code=204 if status == 200 else status)
    return Response(taken.acks[-1], status, media_type=ER7)


def _id(request: Request) -> str:
    id_: Any = request.path_params["id"]
    return str(id_)


def _unknown(request: Request) -> NotFound:
    return NotFound(f"no dead letter has the id {_id(request)[:64]}")
