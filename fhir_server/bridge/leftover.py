"""Messages that a process had begun when it was killed: another one processes them, whether they are sent again or not.

Their senders got no acknowledgement. One that sends its message again meets what is stored by then, so nothing is
stored twice; and an event that is older by now does not overwrite a newer one (see `hl7_bridge.inbound.resolve`).
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fhir_server.bridge.bridge import Bridge
from fhir_server.kernel.tasks import ended
from hl7_bridge.ports import StoreError

AGE = timedelta(minutes=5)
"""A message that is in work for so long is in nobody's work: patience with a database that is away ends sooner."""

_EVERY_S = 60.0
_LOGGER = logging.getLogger("fhir_server.hl7")


@asynccontextmanager
async def taking_up(bridge: Bridge) -> AsyncIterator[None]:
    """Process what others leave behind, for the time of the block."""
    task = asyncio.create_task(_now_and_then(bridge))
    try:
        yield
    finally:
        await ended(task)


async def take_up(bridge: Bridge) -> int:
    """Process every message that was left behind; return how many.

    Errors: Unavailable (of the bridge's ports)
    """
    count = 0
    while (letter := await bridge.journal.left(AGE)) is not None:
        await bridge.inbound.replay(letter)
        count += 1
    return count


async def _now_and_then(bridge: Bridge) -> None:
    while True:
        try:
            if count := await take_up(bridge):
                _LOGGER.warning("hl7 messages taken up", extra={"fields": {"count": count}})
        except StoreError as error:  # the database is away: the next look may find it back
            _LOGGER.warning("hl7 messages not taken up", extra={"fields": {"error": type(error).__name__}})
        await asyncio.sleep(_EVERY_S)
