"""Around every request: where it goes, its id, its log record, and an answer when the code itself fails.

Spec: https://hl7.org/fhir/R4/http.html#custom (X-Request-Id)
"""

import logging
import re
from itertools import count
from time import perf_counter

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fhir_server.http.call import BASE_PATH
from fhir_server.http.log import LOGGER, trace
from fhir_server.http.outcome import header_list, unexpected_body

_SAFE_ID = re.compile(rb"[A-Za-z0-9._\-]{1,64}").fullmatch


class Edge:
    """The outermost ASGI application; `name` is unique to this process and begins the ids of its requests.

    Requests below the base path go straight to `fhir`: the framework's layers and routing would cost a read of one
    resource a third of its throughput (measured), and have nothing to decide there.
    """

    def __init__(self, framework: FastAPI, name: str) -> None:
        self.framework = framework
        self.fhir: ASGIApp = framework
        self._ids = (f"{name}-{number}".encode() for number in count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.framework(scope, receive, send)
            return
        started = perf_counter()
        request_id = _given_id(scope) or next(self._ids)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        app = self.fhir if _is_fhir(scope["path"]) else self.framework
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
