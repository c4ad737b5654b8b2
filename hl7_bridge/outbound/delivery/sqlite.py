"""The queue of outgoing messages as a SQLite file.

Spec: https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from hl7_bridge.outbound.delivery.outbox import ENDED, OPEN, Outgoing, State

Answer = TypeVar("Answer")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outgoing (
  place INTEGER PRIMARY KEY, control_id TEXT NOT NULL UNIQUE, partner TEXT NOT NULL, subject TEXT NOT NULL,
  queued TEXT NOT NULL, raw BLOB NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL,
  answer BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS turns ON outgoing (partner, state, place);
CREATE TABLE IF NOT EXISTS cursors (partner TEXT PRIMARY KEY, cursor TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS: Final = "control_id, partner, subject, queued, raw, state, attempts, reason, answer"


class SqliteOutbox:
    """A queue in a file of this machine; `close` when it is no longer needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._connection: sqlite3.Connection | None = None

    async def close(self) -> None:
        """Release the file."""
        if self._connection is not None:
            await self._do(lambda connection: connection.close())
        self._thread.shutdown()

    async def put(self, partner: str, messages: Sequence[Outgoing], cursor: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(
                    f"INSERT OR IGNORE INTO outgoing ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [_row(message) for message in messages],
                )
                connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (partner, cursor))

        await self._do(work)

    async def partners(self) -> Sequence[str]:
        """Return the names of all partners that it has a queue for."""
        query = "SELECT partner FROM cursors ORDER BY partner"
        return await self._do(lambda connection: [row[0] for row in connection.execute(query)])

    async def known(self, control_ids: Collection[str]) -> frozenset[str]:
        def work(connection: sqlite3.Connection) -> frozenset[str]:
            query = "SELECT 1 FROM outgoing WHERE control_id = ?"
            return frozenset(one for one in control_ids if connection.execute(query, (one,)).fetchone())

        return await self._do(work)

    async def cursor(self, partner: str) -> str | None:
        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT cursor FROM cursors WHERE partner = ?", (partner,)).fetchone()
            return row[0] if row else None

        return await self._do(work)

    async def next(self, partner: str) -> Outgoing | None:
        found = await self.ended(partner, "waiting", 1)
        return found[0] if found else None

    async def note(self, message: Outgoing) -> None:
        def work(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute(
                    "UPDATE outgoing SET state = ?, attempts = ?, reason = ?, answer = ? WHERE control_id = ?",
                    (message.state, message.attempts, message.reason, message.answer, message.control_id),
                )

        await self._do(work)

    async def ended(self, partner: str, state: State, limit: int = 100) -> Sequence[Outgoing]:
        def work(connection: sqlite3.Connection) -> list[Outgoing]:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM outgoing WHERE partner = ? AND state = ? ORDER BY place LIMIT ?",
                (partner, state, limit),
            )
            return [_message(row) for row in rows]

        return await self._do(work)

    async def again(self, control_id: str) -> bool:
        return await self._become("waiting", control_id, ENDED)

    async def drop(self, control_id: str) -> bool:
        return await self._become("dropped", control_id, OPEN)

    async def _become(self, state: State, control_id: str, former: Sequence[State]) -> bool:
        places = ", ".join("?" * len(former))

        def work(connection: sqlite3.Connection) -> bool:
            with connection:
                changed = connection.execute(
                    f"UPDATE outgoing SET state = ?, attempts = 0 WHERE control_id = ? AND state IN ({places})",
                    (state, control_id, *former),
                )
            return changed.rowcount > 0

        return await self._do(work)

    async def _do(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return the answer of some work, done in the thread that owns the connection."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._opened()))

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # What was queued must be there after a power failure: the cursor goes past it.
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)
        return self._connection


def _row(message: Outgoing) -> tuple[Any, ...]:
    return (
        message.control_id,
        message.partner,
        message.subject,
        message.queued.isoformat(),
        message.raw,
        message.state,
        message.attempts,
        message.reason,
        message.answer,
    )


def _message(row: tuple[Any, ...]) -> Outgoing:
    control_id, partner, subject, queued, raw, state, attempts, reason, answer = row
    return Outgoing(
        control_id=control_id,
        partner=partner,
        subject=subject,
        queued=datetime.fromisoformat(queued),
        raw=raw,
        state=state,
        attempts=attempts,
        reason=reason,
        answer=answer,
    )
