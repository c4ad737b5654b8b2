"""One server process: serves the socket that it inherits until its stdin closes, that is, until its parent ends.

Run as `python -m fhir_server.cli.worker FD [MLLP_FD]` with the settings in FHIR_* variables. It tells its parent on
stdout, in one line, `ready` or why it cannot start.
Spec: https://hl7.org/fhir/R4/http.html
"""

import asyncio
import gc
import logging
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from fhir_server.cli.connection import Connection
from fhir_server.http.log import LOGGER
from fhir_server.kernel.errors import FhirError
from fhir_server.kernel.settings import Settings, resolve
from fhir_server.wiring import build_app

if TYPE_CHECKING:
    from fhir_server.http.middleware import Edge

READY = "ready"
_CANNOT_START = 3
_LAST_MOMENT_S = 5
_TICKS_A_SECOND = 10  # of uvicorn's main loop
_FAILED = "lifespan.startup.failed"


def main() -> int:
    """Serve; return 0 after an orderly end."""
    settings = resolve(environ=os.environ).settings
    listener = socket.socket(fileno=int(sys.argv[1]))
    mllp = socket.socket(fileno=int(sys.argv[2])) if len(sys.argv) > 2 else None
    app = _Startup(build_app(settings, mllp))
    logging.getLogger("uvicorn.error").handlers[:] = LOGGER.handlers  # one form for all lines of the log
    server = _Server(_config(app, settings), settings.body_patience_s)
    try:
        server.run([listener])
    except SystemExit:  # uvicorn's way to say that the lifespan did not start
        print(app.failure, flush=True)
        return _CANNOT_START
    return 0


def _collect_rarely() -> None:
    """Keep the garbage collector from walking the compiled definitions and every Bundle in work again and again.

    Measured on loading transaction Bundles: a third of the processor time of a worker was the collector's.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class _Server(uvicorn.Server):
    """Ends when stdin closes: also when the parent was killed, so that no worker outlives it."""

    def __init__(self, config: uvicorn.Config, patience_s: float) -> None:
        super().__init__(config)
        self._patience_s = patience_s

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _collect_rarely()
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._parent_ended)
            print(READY, flush=True)

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.look(now, self._patience_s)
        return await super().on_tick(counter)

    def _parent_ended(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sys.stdin.fileno())
        self.should_exit = True
        # Nobody is left to end this process if a request or the database keeps it from ending.
        loop.call_later((self.config.timeout_graceful_shutdown or 0) + _LAST_MOMENT_S, os._exit, 1)


class _Startup:
    """The application, with the reason kept when its lifespan fails to start."""

    def __init__(self, app: "Edge") -> None:
        self._app = app
        self.failure = "the server did not start"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, partial(_without_failure, send))
        except FhirError as error:
            self.failure = str(error)
            logging.getLogger("uvicorn.error").disabled = True  # the parent says it, in one line
            await send({"type": _FAILED})


async def _without_failure(send: Any, message: Any) -> None:
    # The framework sends its failure as a traceback; a FhirError becomes one line instead.
    if message["type"] != _FAILED:
        await send(message)


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
    )


if __name__ == "__main__":
    sys.exit(main())
