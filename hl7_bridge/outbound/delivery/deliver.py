"""Reads changes, queues messages, sends them: one pair of loops for each partner.

A message that the partner has an error with (AE, CE) is tried again, later each time; one that it rejects (AR, CR), or
that fails too often, is put aside and the next one goes. While the partner cannot be reached, all wait in order.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

import asyncio
import hashlib
import logging
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hl7_bridge.mllp import Answer, Client, Unanswered, Unreachable
from hl7_bridge.mllp.trace import trace
from hl7_bridge.outbound.assembly import assemble
from hl7_bridge.outbound.delivery.feed import Change, Feed, FeedError
from hl7_bridge.outbound.delivery.outbox import Outbox, Outgoing
from hl7_bridge.outbound.delivery.partners import Destination
from hl7_bridge.outbound.draft import OutboundError
from hl7_bridge.outbound.messages import compose
from hl7_bridge.outbound.setting import gather

OVERLAP: Final = timedelta(seconds=10)
"""How far back changes are read again: a transaction may appear after a later one."""

ATTEMPTS: Final = 8
"""How often a partner may answer with an error before its message is put aside."""

_LONGEST_WAIT: Final = 300.0
_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


class Delivery:
    """All that goes to one partner."""

    def __init__(
        self, destination: Destination, outbox: Outbox, feed: Feed, *, clock: Clock, pause: float = 2.0
    ) -> None:
        """`clock` gives aware times; `pause` is the seconds between two looks for changes, and the first wait."""
        self._destination = destination
        self._outbox = outbox
        self._feed = feed
        self._clock = clock
        self._pause = pause
        self._queued = asyncio.Event()

    async def run(self) -> None:
        """Collect and send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collecting())
            tasks.create_task(self._sending())

    async def collect(self) -> int:
        """Queue what has changed since the last time; return how many changes there were.

        Errors: FeedError
        """
        name = self._destination.name
        reached = await self._outbox.cursor(name)
        if reached is None:
            # What happened before the partner was connected is no news to tell.
            await self._outbox.put(name, (), self._clock().isoformat())
            return 0
        since = (datetime.fromisoformat(reached) - OVERLAP).isoformat()
        changes = await self._feed.changes(sorted(self._destination.tells), since)
        messages = [await self._message(change) for change in await self._news(changes)]
        latest = max([datetime.fromisoformat(reached), *(datetime.fromisoformat(one.occurred) for one in changes)])
        await self._outbox.put(name, messages, latest.isoformat())
        if messages:
            self._queued.set()
        return len(messages)

    async def send_next(self, client: Client) -> Outgoing | None:
        """Send the oldest message that waits; return what became of it, None when there is none.

        Errors: Unreachable, Unanswered: it waits
        """
        message = await self._outbox.next(self._destination.name)
        if message is None:
            return None
        answer = await client.send(message.raw, final=self._destination.final)
        done = _judged(message, answer)
        await self._outbox.note(done)
        if done.state == "refused":
            _log.warning("%s refused %s: %s", message.partner, message.control_id, answer.code)
        return done

    async def _news(self, changes: Sequence[Change]) -> list[Change]:
        """Return the changes that are not queued yet, but those that the partner's own messages made."""
        name, partner = self._destination.name, "|".join(self._destination.partner.receiver)
        queued = await self._outbox.known([control_id_of(name, change.subject) for change in changes])
        return [
            change
            for change in changes
            if change.origin != partner and control_id_of(name, change.subject) not in queued
        ]

    async def _message(self, change: Change) -> Outgoing:
        destination, now = self._destination, self._clock()
        control_id = control_id_of(destination.name, change.subject)
        message = Outgoing(control_id=control_id, partner=destination.name, subject=change.subject, queued=now)
        known = await gather(change.resource, self._feed.read)
        partner = destination.partner
        try:
            draft = compose(change.resource, change.event, occurred=change.occurred, known=known, partner=partner)
            raw = await asyncio.to_thread(assemble, draft, partner, control_id=control_id, at=now)
        except OutboundError as error:
            return replace(message, state="untold", reason=str(error))
        except Exception as error:
            # One resource that nobody thought of must not hold up all that come after it.
            _log.error("%s cannot be told to %s: %s", change.subject, destination.name, trace(error))
            return replace(message, state="untold", reason=type(error).__name__)
        return replace(message, raw=raw)

    async def _collecting(self) -> None:
        while True:
            try:
                await self.collect()
            except FeedError as error:
                _log.warning("changes for %s: %s", self._destination.name, error)
            except Exception as error:
                # The queue, or the network, may be well again in a moment: the loop must outlive it.
                _log.error("changes for %s: %s", self._destination.name, trace(error))
            await asyncio.sleep(self._pause)

    async def _sending(self) -> None:
        failures = 0
        async with self._destination.client() as client:
            while True:
                self._queued.clear()
                try:
                    done = await self.send_next(client)
                    failed = done is not None and done.state == "waiting"
                except (Unreachable, Unanswered) as error:
                    _log.warning("%s: %s", self._destination.name, error)
                    done, failed = None, True
                except Exception as error:
                    _log.error("%s: %s", self._destination.name, trace(error))
                    done, failed = None, True
                failures = failures + 1 if failed else 0
                if failed or done is None:
                    await self._wait(failures)

    async def _wait(self, failures: int) -> None:
        """Wait for news; after failures longer each time, and whatever the news."""
        if failures:
            await asyncio.sleep(min(self._pause * 2 ** min(failures, 10), _LONGEST_WAIT))
            return
        try:
            async with asyncio.timeout(self._pause):
                await self._queued.wait()
        except TimeoutError:
            return


def _judged(message: Outgoing, answer: Answer) -> Outgoing:
    """Return a message with what its answer makes of it."""
    tried = replace(message, attempts=message.attempts + 1, answer=answer.raw, reason=answer.code)
    if answer.accepted:
        return replace(tried, state="accepted", reason="")
    if answer.repeatable and tried.attempts < ATTEMPTS:
        return tried
    return replace(tried, state="refused")


def control_id_of(partner: str, subject: str) -> str:
    """Return MSH-10 of the message that tells a partner of a version: 20 characters, the same each time."""
    digest = hashlib.sha256(f"{partner} {subject}".encode()).digest()
    return b32encode(digest[:12]).decode("ascii").rstrip("=")


async def deliver(
    destinations: Sequence[Destination], outbox: Outbox, feed: Feed, *, clock: Clock, pause: float = 2.0
) -> None:
    """Deliver to all partners until cancelled; each has its own pace."""
    async with asyncio.TaskGroup() as tasks:
        for destination in destinations:
            tasks.create_task(Delivery(destination, outbox, feed, clock=clock, pause=pause).run())
