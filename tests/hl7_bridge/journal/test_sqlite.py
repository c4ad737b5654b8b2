import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hl7_bridge.journal.sqlite import SqliteJournal
from hl7_bridge.ports import Letter, Reason, Unavailable

pytestmark = pytest.mark.anyio

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
REASON = Reason("101", "PID-3", "PID-3 is missing")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    one = SqliteJournal(tmp_path / "folder" / "journal.sqlite")
    yield one
    await one.close()


def letter(id_: str, **more: object) -> Letter:
    plain = Letter(
        id=id_, sender="LAB|HOSP", control_id="C", type="ADT^A01", digest="d", raw=b"MSH|\xff\r", received=NOW
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # any field of a letter


async def test_a_letter_is_kept_as_it_came(journal: SqliteJournal) -> None:
    assert await journal.save(letter("1")) is None
    assert await journal.get("1") == letter("1")


async def test_a_second_letter_with_the_id_leaves_the_first_and_returns_it(journal: SqliteJournal) -> None:
    await journal.save(letter("1"))
    assert await journal.save(letter("1", raw=b"other")) == letter("1")
    assert await journal.get("1") == letter("1")


async def test_processed_and_dead_letters_are_told_apart(journal: SqliteJournal) -> None:
    for id_ in "12":
        await journal.save(letter(id_))
    await journal.done("1", b"AA")
    await journal.dead("2", b"AE", REASON)
    assert await journal.get("1") == letter("1", state="done", ack=b"AA")
    assert await journal.dead_letters() == [letter("2", state="dead", ack=b"AE", reason=REASON)]


async def test_dead_letters_come_oldest_first_and_by_sender(journal: SqliteJournal) -> None:
    for number, sender in enumerate("ABA"):
        await journal.save(letter(str(number), sender=sender, received=NOW - timedelta(hours=number)))
        await journal.dead(str(number), b"", REASON)
    assert [one.id for one in await journal.dead_letters()] == ["2", "1", "0"]
    assert [one.id for one in await journal.dead_letters(sender="A", limit=1)] == ["2"]


async def test_only_dead_letters_can_be_edited(journal: SqliteJournal) -> None:
    await journal.save(letter("1"))
    assert not await journal.edit("1", b"new")
    await journal.dead("1", b"", REASON)
    assert await journal.edit("1", b"new")
    found = await journal.get("1")
    assert found is not None
    assert (found.raw, found.edited) == (b"new", True)


async def test_old_letters_are_forgotten_unless_they_wait_for_somebody(journal: SqliteJournal) -> None:
    for id_ in "12":
        await journal.save(letter(id_))
    await journal.done("1", b"")
    await journal.dead("2", b"", REASON)
    await journal.forget(NOW + timedelta(seconds=1))
    assert await journal.get("1") is None
    assert await journal.get("2") is not None


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SqliteJournal(tmp_path / "j")
    await asyncio.gather(*(first.save(letter(str(number))) for number in range(50)))
    await first.close()
    second = SqliteJournal(tmp_path / "j")
    found = [await second.get(str(number)) for number in range(50)]
    await second.close()
    assert None not in found


async def test_a_file_that_cannot_be_written_makes_the_journal_unavailable(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"this is no database, and it is long enough to be seen as none" * 20)
    broken = SqliteJournal(tmp_path / "j")
    with pytest.raises(Unavailable):
        await broken.save(letter("1"))
    await broken.close()
