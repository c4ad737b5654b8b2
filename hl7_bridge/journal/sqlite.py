"""The journal as a SQLite file: one thread writes, and what waits for it at the same time shares one commit.

Spec: https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from hl7_bridge.ports import Letter, Reason, Unavailable

Answer = TypeVar("Answer")
_Work: TypeAlias = Callable[[sqlite3.Connection], Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS letters (
  id TEXT PRIMARY KEY, sender TEXT NOT NULL, control_id TEXT NOT NULL, type TEXT NOT NULL, digest TEXT NOT NULL,
  raw BLOB NOT NULL, received TEXT NOT NULL, state TEXT NOT NULL, ack BLOB NOT NULL,
  code TEXT NOT NULL, place TEXT NOT NULL, text TEXT NOT NULL, edited INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON letters (state, received);
"""
_INSERT = "INSERT INTO letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class SqliteJournal:
    """A journal in a file of this machine; `close` when it is no longer needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[tuple[_Work, asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Finish what is under way and release the file."""
        if self._writing is not None:
            await self._writing
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()

    async def save(self, letter: Letter) -> Letter | None:
        def work(connection: sqlite3.Connection) -> Letter | None:
            stored = _read(connection, letter.id)
            if stored is None:
                connection.execute(_INSERT, _row(letter))
            return stored

        return await self._do(work)

    async def done(self, id_: str, ack: bytes) -> None:
        await self._update(id_, "state = 'done', ack = ?, code = '', place = '', text = ''", ack)

    async def dead(self, id_: str, ack: bytes, reason: Reason) -> None:
        told = (reason.code, reason.place, reason.text)
        await self._update(id_, "state = 'dead', ack = ?, code = ?, place = ?, text = ?", ack, *told)

    async def get(self, id_: str) -> Letter | None:
        return await self._do(lambda connection: _read(connection, id_))

    async def dead_letters(self, *, sender: str | None = None, limit: int = 100) -> Sequence[Letter]:
        def work(connection: sqlite3.Connection) -> list[Letter]:
            rows = connection.execute(
                "SELECT * FROM letters WHERE state = 'dead' AND (? IS NULL OR sender = ?) ORDER BY received LIMIT ?",
                (sender, sender, limit),
            )
            return [_letter(row) for row in rows]

        return await self._do(work)

    async def edit(self, id_: str, raw: bytes) -> bool:
        return await self._update(id_, "raw = ?, edited = 1", raw, only="AND state = 'dead'")

    async def forget(self, before: datetime) -> None:
        """Remove what was processed before a moment; the store itself still knows a message that comes again."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM letters WHERE state = 'done' AND received < ?", (before.isoformat(),))

        await self._do(work)

    async def _update(self, id_: str, what: str, *values: object, only: str = "") -> bool:
        """Change a letter; return whether it was there. `what` and `only` are parts of the statement, never values."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(f"UPDATE letters SET {what} WHERE id = ? {only}", (*values, id_)).rowcount > 0

        return await self._do(work)

    async def _do(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return the answer of some work once it is durable; work that waits together is committed together."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await future

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            answers = await loop.run_in_executor(self._thread, self._run, [work for work, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.cancelled():
                    continue
                if isinstance(answer, Unavailable):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        self._writing = None

    def _run(self, batch: Sequence[_Work]) -> list[Any]:
        """Do a batch in one transaction, in the thread that owns the connection."""
        try:
            if self._connection is None:
                self._connection = _connected(self._path)
            with self._connection:
                return [work(self._connection) for work in batch]
        except sqlite3.Error as error:
            return [Unavailable(f"the journal cannot be written: {type(error).__name__}")] * len(batch)


def _connected(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    # An acknowledgement promises that a power cut does not lose the message.
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    return connection


def _read(connection: sqlite3.Connection, id_: str) -> Letter | None:
    row = connection.execute("SELECT * FROM letters WHERE id = ?", (id_,)).fetchone()
    return None if row is None else _letter(row)


def _row(letter: Letter) -> tuple[Any, ...]:
    reason = letter.reason or Reason("", "", "")
    return (
        *(letter.id, letter.sender, letter.control_id, letter.type, letter.digest, letter.raw),
        *(letter.received.isoformat(), letter.state, letter.ack, reason.code, reason.place, reason.text, letter.edited),
    )


def _letter(row: Sequence[Any]) -> Letter:
    id_, sender, control_id, type_, digest, raw, received, state, ack, code, place, text, edited = row
    return Letter(
        id=id_,
        sender=sender,
        control_id=control_id,
        type=type_,
        digest=digest,
        raw=raw,
        received=datetime.fromisoformat(received),
        state=state,
        ack=ack,
        reason=Reason(code, place, text) if code else None,
        edited=bool(edited),
    )
