"""The bridge's Outbox in the server's database, and the one process among all that sends from it.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from fhir_server.interactions.env import Env
from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.tasks import ended
from fhir_server.storage.journal import Outgoings
from hl7_bridge.outbound.delivery import Destination, HttpFeed, Outgoing, PartnersError, deliver, load_partners
from hl7_bridge.outbound.delivery.outbox import ENDED, OPEN, State

_LEASE = "delivery"
_LEASED = timedelta(seconds=30)
_RENEW_EVERY_S = 8.0
_log = logging.getLogger("fhir_server.hl7")


class MongoOutbox:
    """Queues as documents."""

    def __init__(self, outgoings: Outgoings) -> None:
        self._outgoings = outgoings

    async def put(self, partner: str, messages: Sequence[Outgoing], cursor: str) -> None:
        await self._outgoings.put(partner, [_document(one) for one in messages], cursor)

    async def known(self, control_ids: Collection[str]) -> frozenset[str]:
        return await self._outgoings.known(control_ids)

    async def cursor(self, partner: str) -> str | None:
        return await self._outgoings.cursor(partner)

    async def next(self, partner: str) -> Outgoing | None:
        found = await self.ended(partner, "waiting", 1)
        return found[0] if found else None

    async def note(self, message: Outgoing) -> None:
        values = {name: getattr(message, name) for name in ("state", "attempts", "reason", "answer")}
        await self._outgoings.change(message.control_id, values)

    async def ended(self, partner: str, state: State, limit: int = 100) -> Sequence[Outgoing]:
        return [_message(one) for one in await self._outgoings.waiting(partner, state, limit)]

    async def again(self, control_id: str) -> bool:
        return await self._outgoings.change(control_id, {"state": "waiting", "attempts": 0}, states=ENDED)

    async def drop(self, control_id: str) -> bool:
        return await self._outgoings.change(control_id, {"state": "dropped", "attempts": 0}, states=OPEN)

    async def partners(self) -> Sequence[str]:
        return await self._outgoings.partners()


def outbox_of(env: Env) -> MongoOutbox:
    """Return the queue of a server, whether this process sends from it or not."""
    return MongoOutbox(Outgoings(env.storage.database))


@asynccontextmanager
async def delivering(env: Env, fhir: httpx2.AsyncBaseTransport) -> AsyncIterator[None]:
    """Tell the partners of `settings.hl7_partners` what changes, for the time of the block; `fhir` leads to the API.

    Of all processes over one database one sends: the order of a partner's messages is that of the changes.
    Errors: Unavailable, in one line, for a file that cannot be used
    """
    if env.settings.hl7_partners is None:
        yield
        return
    destinations = _partners(env.settings.hl7_partners)
    outgoings = Outgoings(env.storage.database)
    await outgoings.prepare()
    task = asyncio.create_task(_in_turn(env, fhir, outgoings, destinations))
    try:
        yield
    finally:
        await ended(task)


def _partners(path: Path) -> Sequence[Destination]:
    try:
        return load_partners(path)
    except PartnersError as error:
        raise Unavailable(f"the file of HL7 v2 partners cannot be used: {error}") from None


async def _in_turn(
    env: Env, fhir: httpx2.AsyncBaseTransport, outgoings: Outgoings, destinations: Sequence[Destination]
) -> None:
    """Deliver whenever this process holds the lease; never returns."""
    holder = env.new_id()
    sending: asyncio.Task[None] | None = None
    try:
        while True:
            now = env.clock()
            mine = await outgoings.lease(_LEASE, holder, now=now, until=now + _LEASED)
            if sending is not None and (sending.done() or not mine):
                await _ended(sending)
                sending = None
            if mine and sending is None:
                sending = asyncio.create_task(_deliver(env, fhir, outgoings, destinations))
            await asyncio.sleep(_RENEW_EVERY_S)
    finally:
        if sending is not None:
            await _ended(sending)
        await outgoings.release(_LEASE, holder)


async def _deliver(
    env: Env, fhir: httpx2.AsyncBaseTransport, outgoings: Outgoings, destinations: Sequence[Destination]
) -> None:
    async with httpx2.AsyncClient(transport=fhir, base_url="http://localhost/fhir/") as client:
        await deliver(destinations, MongoOutbox(outgoings), HttpFeed(client), clock=env.clock)


async def _ended(task: "asyncio.Task[None]") -> None:
    [result] = await ended(task)
    if isinstance(result, Exception):
        kinds = {type(error).__name__ for error in _leaves(result)}
        _log.warning("delivery stopped; it starts again", extra={"fields": {"errors": sorted(kinds)}})


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]


def _document(message: Outgoing) -> dict[str, Any]:
    fields = asdict(message)
    return {"_id": fields.pop("control_id"), **fields}


def _message(stored: dict[str, Any]) -> Outgoing:
    blank = Outgoing(control_id=stored["_id"], partner="", subject="", queued=stored["queued"])
    return replace(blank, **{name: stored[name] for name in asdict(blank) if name in stored})
