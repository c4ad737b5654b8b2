"""Around every request: its id, its log record, and an answer when the code itself fails.

Spec: https://hl7.org/fhir/R4/http.html#custom (X-Request-Id)
"""

import logging
import re
from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fhir_server.http.call import BASE_PATH
from fhir_server.http.log import LOGGER, trace
from fhir_server.http.outcome import header_list, unexpected_body

_SAFE_ID = re.compile(rb"[A-Za-z0-9._\-]{1,64}").fullmatch


class Edge:
    """ASGI middleware; `new_id` makes the id of a request that brings none.

    Requests below the base path go straight to `app.state.fhir`: the framework's routing would cost a read of one
    resource a third of its throughput (measured), and has nothing to decide there.
    """

    def __init__(self, app: ASGIApp, new_id: Callable[[], str]) -> None:
        self._app = app
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _given_id(scope) or self._new_id().encode()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        app = scope["app"].state.fhir if _is_fhir(scope["path"]) else self._app
        try:
            await app(scope, receive, send_with_id)
        except Exception as error:  # the edge: nothing above could answer the client
            LOGGER.error("failed", extra={"fields": {"request_id": request_id.decode(), "trace": trace(error)}})
            if status == 0:
                await _answer(send_with_id, request_id.decode())
        if LOGGER.isEnabledFor(logging.INFO):
            _log(scope, request_id, status, perf_counter() - started)


def _is_fhir(path: str) -> bool:
    return path.startswith(BASE_PATH) and path[len(BASE_PATH) : len(BASE_PATH) + 1] in ("", "/")


def _log(scope: Scope, request_id: bytes, status: int, seconds: float) -> None:
    interaction = scope.get("fhir.interaction")
    fields = {
        "request_id": request_id.decode(),
        "method": scope["method"],
        "interaction": interaction,
        # What is no FHIR path may hold anything, also a name.
        "path": scope["path"] if interaction is not None else None,
        "status": status,
        "ms": round(seconds * 1000, 2),
    }
    LOGGER.info("request", extra={"fields": fields})


def _given_id(scope: Scope) -> bytes | None:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
    return given if given is not None and _SAFE_ID(given) else None


async def _answer(send: Send, request_id: str) -> None:
    body = unexpected_body(request_id)
    await send({"type": "http.response.start", "status": 500, "headers": header_list({}, body)})
    await send({"type": "http.response.body", "body": body})
