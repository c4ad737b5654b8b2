"""What answers requests: one endpoint for all of FHIR, and the routes that operate the server.

FHIR's paths are told apart by `interactions.addresses`, which entries of a Bundle use too (ADR 2).
Spec: https://hl7.org/fhir/R4/http.html
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from fhir_server.http.call import BASE_PATH, call_of, header_map
from fhir_server.http.decode import Disconnected
from fhir_server.http.metrics import CONTENT_TYPE, Metrics, exposition
from fhir_server.http.negotiate import FHIR_JSON
from fhir_server.http.outcome import error_body, header_list
from fhir_server.http.render import Reply, render
from fhir_server.http.stream import send_pieces
from fhir_server.interactions.env import Env
from fhir_server.interactions.run import run
from fhir_server.kernel.errors import FhirError, Issue, MethodNotAllowed, NotFound


class FhirEndpoint:
    """The ASGI application below the base path: decode → run → render."""

    def __init__(self, env: Env) -> None:
        self._env = env

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = header_map(scope)
        try:
            call = await call_of(self._env, scope, receive, headers)
            scope["fhir.interaction"] = call.address.interaction
            reply = render(call, await run(self._env, call), headers)
        except FhirError as error:
            body = error_body(error)
            reply = Reply(error.status, header_list(error.headers, body), body)
        except Disconnected:
            return
        if reply.pieces is not None and scope["method"] != "HEAD":
            await send_pieces(reply.status, reply.headers, reply.pieces, receive, send)
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})


async def elsewhere(_request: Request, error: Exception) -> Response:
    """Answer as FHIR does where the framework has no route, or none for the method."""
    assert isinstance(error, HTTPException)
    allowed = dict(error.headers or {})
    told: FhirError = NotFound(Issue("not-found", f"nothing is here: FHIR is served below {BASE_PATH}"))
    if error.status_code == MethodNotAllowed.status:
        told = MethodNotAllowed("this method is not allowed here", headers=allowed)
    return Response(error_body(told), told.status, dict(told.headers), media_type=FHIR_JSON)


def routes(env: Env, metrics: Metrics) -> list[BaseRoute]:
    """Return the routes beside FHIR's."""

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_request: Request) -> Response:
        try:
            await env.storage.ping()
        except FhirError as error:
            return JSONResponse({"status": "database unavailable"}, error.status, error.headers)
        return JSONResponse({"status": "ready"})

    async def figures(_request: Request) -> Response:
        return Response(exposition(metrics), media_type=CONTENT_TYPE)

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", figures),
    ]
