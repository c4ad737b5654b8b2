"""Where a server process takes messages from: the MLLP socket that its parent opened, and a watched folder.

One process takes the messages of all connections unless the settings say otherwise: messages about one patient keep
their order whatever the connection, and what is in work at the same time shares reads and commits. With more processes
the kernel gives a connection to one of them: more messages a second, each a third dearer (measured with 32 connections
on two cores: 450 a second at 2.7 ms of processor time, two processes 520 at 3.6 ms). Between processes nobody promises
an order; there the versions in the requests and the times of the events decide (see `hl7_bridge.inbound.resolve`).
Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fhir_server.bridge.bridge import Bridge
from fhir_server.bridge.leftover import taking_up
from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.tasks import ended
from hl7_bridge.inbound.folder import watch
from hl7_bridge.mllp import Limits, serve, server_context


@asynccontextmanager
async def listening(bridge: Bridge, listener: socket.socket | None, settings: Settings) -> AsyncIterator[None]:
    """Take messages for the time of the block; at its end messages in work are answered first.

    Errors: Unavailable, in one line, for certificates that cannot be used
    """
    async with AsyncExitStack() as held:
        if settings.hl7_folder is not None:
            await held.enter_async_context(_watching(settings.hl7_folder, bridge))
        if listener is not None:
            await held.enter_async_context(_serving(listener, bridge, settings))
            await held.enter_async_context(taking_up(bridge))
        yield


@asynccontextmanager
async def _serving(listener: socket.socket, bridge: Bridge, settings: Settings) -> AsyncIterator[None]:
    inbound = bridge.inbound
    limits = Limits(frame=settings.hl7_max_message_bytes, idle=settings.mllp_idle_s)
    server = await serve(inbound.handle, inbound.refuse, address=listener, tls=_tls(settings), limits=limits)
    try:
        yield
    finally:
        await server.stop(settings.shutdown_grace_s)


@asynccontextmanager
async def _watching(folder: Path, bridge: Bridge) -> AsyncIterator[None]:
    task = asyncio.create_task(watch(folder, bridge.inbound.handle))
    try:
        yield
    finally:
        await ended(task)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.mllp_certificate is None:
        return None
    key = settings.mllp_key or settings.mllp_certificate
    try:
        return server_context(settings.mllp_certificate, key, clients=settings.mllp_client_ca)
    except (OSError, ssl.SSLError) as error:
        raise Unavailable(f"the MLLP certificate cannot be used: {type(error).__name__}") from None
