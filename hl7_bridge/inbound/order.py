"""Per-patient order: messages about one patient one after the other, in the order in which they came; others beside.

Only one process keeps this order. Between processes the versions in the requests decide who was first, and the times of
the events which of two states is the newer one (see `inbound.resolve`).
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager


class Order:
    """One queue for each patient whom a message in work is about."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def turn(self, keys: Collection[str]) -> AsyncIterator[None]:
        """Run the block after all earlier ones that share a key; the place in line is taken on entry.

        A message about two patients (a merge) stands in both lines at once, so nobody waits in a ring.
        """
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        before = {earlier for key in keys if (earlier := self._last.get(key)) is not None}
        for key in keys:
            self._last[key] = mine
        try:
            if before:
                await asyncio.wait(before)
            yield
        finally:
            mine.set_result(None)
            for key in keys:
                if self._last.get(key) is mine:
                    del self._last[key]
