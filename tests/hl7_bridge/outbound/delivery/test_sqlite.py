"""The queue in a file."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hl7_bridge.outbound.delivery import Outgoing, SqliteOutbox

pytestmark = pytest.mark.anyio

NOW = datetime(2024, 3, 5, tzinfo=UTC)


def message(control_id: str, partner: str = "lab") -> Outgoing:
    return Outgoing(control_id=control_id, partner=partner, subject="Patient/1/_history/1", queued=NOW, raw=b"MSH")


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[SqliteOutbox]:
    one = SqliteOutbox(tmp_path / "outbox.sqlite")
    yield one
    await one.close()


async def test_messages_wait_in_the_order_in_which_they_came(outbox: SqliteOutbox) -> None:
    await outbox.put("lab", [message("B"), message("A")], "1")
    await outbox.put("ward", [message("C", "ward")], "1")
    assert await outbox.next("lab") == message("B")
    await outbox.note(replace(message("B"), state="accepted"))
    assert await outbox.next("lab") == message("A")
    assert (await outbox.next("ward"), await outbox.next("nobody")) == (message("C", "ward"), None)


async def test_a_message_that_is_there_already_stays_as_it_is(outbox: SqliteOutbox) -> None:
    await outbox.put("lab", [message("A")], "1")
    done = replace(message("A"), state="refused", attempts=3, reason="AR", answer=b"MSA")
    await outbox.note(done)
    await outbox.put("lab", [message("A")], "2")
    assert await outbox.ended("lab", "refused") == [done]
    assert await outbox.known(["A", "B"]) == {"A"}


async def test_the_cursor_is_kept_for_each_partner(outbox: SqliteOutbox) -> None:
    assert await outbox.cursor("lab") is None
    await outbox.put("lab", (), "1")
    await outbox.put("lab", (), "2")
    assert (await outbox.cursor("lab"), await outbox.cursor("ward")) == ("2", None)


async def test_a_refused_message_may_wait_once_more(outbox: SqliteOutbox) -> None:
    await outbox.put("lab", [message("A"), message("B")], "1")
    await outbox.note(replace(message("A"), state="refused", attempts=8))
    assert await outbox.again("A")
    assert await outbox.next("lab") == message("A")
    assert not await outbox.again("B")


async def test_what_was_queued_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    first = SqliteOutbox(tmp_path / "outbox.sqlite")
    await first.put("lab", [message("A")], "1")
    await first.close()
    second = SqliteOutbox(tmp_path / "outbox.sqlite")
    assert (await second.next("lab"), await second.cursor("lab")) == (message("A"), "1")
    await second.close()


async def test_a_queue_that_was_never_used_can_be_closed(tmp_path: Path) -> None:
    await SqliteOutbox(tmp_path / "outbox.sqlite").close()
    assert not (tmp_path / "outbox.sqlite").exists()
