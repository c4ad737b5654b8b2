"""A bridge that runs alone: any FHIR server behind it, a SQLite file as its journal.

Spec: https://hl7.org/fhir/R4/http.html
"""

import asyncio
import json
import logging
import secrets
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from conformance.load import definitions
from hl7_bridge.convert import Converter, load_layers
from hl7_bridge.http_sink import connected
from hl7_bridge.inbound.folder import watch
from hl7_bridge.inbound.join import Joiner
from hl7_bridge.inbound.pipeline import Inbound, Processed, Surroundings
from hl7_bridge.inbound.processing import Processing
from hl7_bridge.journal import SqliteJournal
from hl7_bridge.mllp import Server, serve, server_context
from hl7_bridge.outbound.delivery import HttpFeed, SqliteOutbox, deliver, load_partners
from hl7_bridge.settings import Settings

LOGGER = logging.getLogger("hl7_bridge")
_KEPT = timedelta(days=30)
_FORGET_EVERY_S = 86_400


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Inbound]:
    """Give the pipeline of a bridge; its journal is whole when the block ends.

    Errors: Unavailable when the FHIR server does not answer; MapError for maps that cannot be used
    """
    known = definitions()
    converter = Converter(load_layers(settings.maps), zone=settings.zone)
    around = Surroundings(_now, _new_id, _tell, settings.charset)
    async with connected(settings.fhir, known, token=settings.token) as store:
        journal = SqliteJournal(settings.journal)
        inbound = Inbound(converter, journal, Processing(store, store, Joiner(known)), around)
        try:
            yield inbound
        finally:
            await inbound.idle()
            await journal.close()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Take messages until told to stop; those in work are answered first.

    Errors: those of `opened`; OSError when the port is taken, ssl.SSLError for certificates that do not fit;
            PartnersError
    """
    async with opened(settings) as inbound, _telling(settings):
        tasks = [asyncio.create_task(_forget(inbound))]
        if settings.folder is not None:
            tasks.append(asyncio.create_task(watch(settings.folder, inbound.handle)))
        server = await _listening(settings, inbound)
        try:
            await stop.wait()
        finally:
            if server is not None:
                await server.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _telling(settings: Settings) -> AsyncIterator[None]:
    """Tell the partners what changes on the FHIR server, for the time of the block."""
    if settings.partners is None:
        yield
        return
    destinations = load_partners(settings.partners)
    outbox = SqliteOutbox(settings.journal.with_name(f"{settings.journal.name}.outbox"))
    headers = {} if settings.token is None else {"Authorization": f"Bearer {settings.token}"}
    async with httpx2.AsyncClient(base_url=settings.fhir.rstrip("/") + "/", headers=headers, timeout=30.0) as client:
        task = asyncio.create_task(deliver(destinations, outbox, HttpFeed(client), clock=_now))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await outbox.close()


async def _listening(settings: Settings, inbound: Inbound) -> Server | None:
    if settings.port is None:
        return None
    tls = None
    if settings.certificate is not None:
        tls = server_context(settings.certificate, settings.key or settings.certificate, clients=settings.client_ca)
    server = await serve(inbound.handle, inbound.refuse, address=(settings.host, settings.port), tls=tls)
    _log(logging.INFO, {"event": "listening", "host": settings.host, "port": server.port})
    return server


async def _forget(inbound: Inbound) -> None:
    """Remove from the journal, once a day, what was processed long ago; never returns."""
    while isinstance(inbound.journal, SqliteJournal):
        await inbound.journal.forget(_now() - _KEPT)
        await asyncio.sleep(_FORGET_EVERY_S)


def _tell(processed: Processed) -> None:
    """Log a message without its content: a failure's trace has places, but not the text of the exception."""
    fields = {"event": "hl7", **processed.facts()}
    if processed.failure is not None:
        frames = traceback.extract_tb(processed.failure.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        fields["trace"] = [*where, type(processed.failure).__name__]
    _log(logging.INFO if processed.result in ("accepted", "repeated") else logging.WARNING, fields)


def _log(level: int, fields: dict[str, Any]) -> None:
    """Log a line of the same form as those of the server."""
    head = {"time": _now().isoformat(timespec="milliseconds"), "level": logging.getLevelName(level).lower()}
    LOGGER.log(level, json.dumps(head | fields))


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the one clock of a bridge that runs alone


def _new_id() -> str:
    return secrets.token_hex(9)
