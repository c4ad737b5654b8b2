"""`fhir-server serve`: database, workers, one line when ready, and an orderly end on Ctrl-C or SIGTERM.

Spec: https://hl7.org/fhir/R4/http.html
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from socket import socket
from tempfile import TemporaryDirectory
from typing import Any

from fhir_server.cli.configuration import resolve_settings
from fhir_server.cli.database import opened
from fhir_server.cli.failure import OK, CommandError
from fhir_server.cli.listening import MLLP, base_url, listen, origin, refuse_open_door, refuse_open_mllp
from fhir_server.cli.loopback import exchange
from fhir_server.cli.workers import Workers
from fhir_server.http.log import LOGGER, configure
from fhir_server.kernel.settings import Settings, to_environment
from fhir_server.kernel.tasks import ended

_PROBES, _PROBE_EVERY_S = 300, 0.1

_METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers keep their figures, so that each of them can tell the sum of all."""

OnReady = Callable[[Settings], Awaitable[None]]
"""Is told the settings in force, with the real port, once requests are answered."""


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal; return the exit status."""
    return serve(resolve_settings(arguments, os.environ).settings, _say_ready)


def serve(settings: Settings, on_ready: OnReady) -> int:
    """Serve with these settings until SIGINT or SIGTERM, and leave no process behind.

    Errors: CommandError with one line that says what to do
    """
    refuse_open_door(settings)
    refuse_open_mllp(settings)
    configure(settings.log_level, settings.log_format)
    with ExitStack() as held:
        listeners = [held.enter_context(one) for one in listen(settings.host, settings.port, settings.workers)]
        mllp = [held.enter_context(one) for one in _listen_for_messages(settings)]
        metrics = held.enter_context(TemporaryDirectory(prefix="fhir-metrics-"))
        settings = replace(settings, port=_port(listeners), mllp=_port(mllp) if mllp else None)
        asyncio.run(_serve(settings, (listeners, mllp), metrics, on_ready))
    return OK


def _listen_for_messages(settings: Settings) -> Sequence[socket]:
    if settings.mllp is None:
        return []
    return listen(settings.mllp_host, settings.mllp, min(settings.mllp_workers, settings.workers), flags=MLLP)


def _port(listeners: Sequence[socket]) -> int:
    return int(listeners[0].getsockname()[1])


async def _say_ready(settings: Settings) -> None:
    if settings.mllp is not None:
        LOGGER.info("mllp listening", extra={"fields": {"host": settings.mllp_host, "port": settings.mllp}})
    print(f"ready {base_url(settings)}", flush=True)


async def _serve(
    settings: Settings, listeners: tuple[Sequence[socket], Sequence[socket]], metrics: str, on_ready: OnReady
) -> None:
    http, mllp = listeners
    stop = asyncio.Event()
    _on_signals(stop.set)
    async with opened(settings) as database:
        environ = os.environ | to_environment(replace(settings, mongo=database.uri)) | {_METRICS: metrics}
        workers = Workers(http, environ, settings.shutdown_grace_s, mllp)
        _on_signals(lambda: workers.kill() if stop.is_set() else stop.set())
        try:
            await _unless(stop, _bring_up(workers, settings, on_ready))
            await _unless(stop, database.keep())
        finally:
            await workers.stop()


async def _bring_up(workers: Workers, settings: Settings, on_ready: OnReady) -> None:
    await workers.start()
    await _probe(f"{origin(settings)}/health/ready")
    await on_ready(settings)


async def _probe(url: str) -> None:
    """Return when the server itself says that it is ready."""
    for _ in range(_PROBES):
        if (await asyncio.to_thread(exchange, "GET", url)).status == HTTPStatus.OK:
            return
        await asyncio.sleep(_PROBE_EVERY_S)
    raise CommandError("the server started but does not get ready: see the log above")


def _on_signals(react: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, react)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Await the work, or give it up when the stop comes first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        await ended(working, stopping)
