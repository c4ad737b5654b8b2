"""Whose turn is it? Writers of one process that want the same key wait for each other instead of colliding.

MongoDB decides races between processes; inside of one process a queue is cheaper than fifty aborted transactions.
Spec: https://hl7.org/fhir/R4/http.html#concurrency
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class _Turn:
    """The queue for one key, and how many stand in it."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Turns:
    """One queue for each key that somebody wants; first come, first served."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def take(self, *keys: str) -> AsyncIterator[None]:
        """Hold all the keys for the time of the block; everybody takes them in one order, so nobody waits in a ring."""
        taken: list[str] = []
        try:
            for key in sorted(set(keys)):
                await self._enter(key)
                taken.append(key)
            yield
        finally:
            for key in reversed(taken):
                self._turns[key].lock.release()
                self._leave(key)

    async def _enter(self, key: str) -> None:
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            await turn.lock.acquire()
        except BaseException:
            self._leave(key)
            raise

    def _leave(self, key: str) -> None:
        turn = self._turns[key]
        turn.users -= 1
        if not turn.users:
            del self._turns[key]
