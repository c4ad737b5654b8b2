import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_server.kernel.errors import Conflict
from fhir_server.storage import Storage
from fhir_server.storage.journal import Letters, Outgoings
from fhir_server.storage.journal.letters import COLLECTION
from fhir_server.storage.journal.outbox import CURSORS, LEASES, OUTGOING

pytestmark = pytest.mark.anyio

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
async def letters(storage: Storage) -> AsyncIterator[Letters]:
    await storage.database[COLLECTION].delete_many({})
    one = Letters(storage.database)
    await one.prepare()
    yield one
    await one.idle()


@pytest.fixture
async def outgoings(storage: Storage) -> Outgoings:
    for name in (OUTGOING, CURSORS, LEASES):
        await storage.database[name].delete_many({})
    one = Outgoings(storage.database)
    await one.prepare()
    return one


def letter(id_: str, **more: Any) -> dict[str, Any]:
    return {"_id": id_, "state": "received", "sender": "A|B", "raw": b"MSH|", "received": NOW, **more}


async def test_concurrent_letters_share_one_insert_and_each_learns_whether_it_is_new(letters: Letters) -> None:
    await letters.insert(letter("0"))
    news = await asyncio.gather(*(letters.insert(letter(str(number))) for number in range(20)))
    assert news == [False] + [True] * 19


async def test_the_same_letter_at_the_same_moment_is_new_once(letters: Letters) -> None:
    news = await asyncio.gather(*(letters.insert(letter("1")) for _ in range(10)))
    assert sorted(news) == [False] * 9 + [True]


async def test_dead_letters_are_found_oldest_first_and_by_sender(letters: Letters) -> None:
    for number, sender in enumerate("ABA"):
        received = NOW - timedelta(hours=number)
        await letters.insert(letter(str(number), sender=sender, received=received))
        await letters.change(str(number), {"state": "dead"}, durable=True)
    assert [one["_id"] for one in await letters.dead(sender=None, limit=10)] == ["2", "1", "0"]
    assert [one["_id"] for one in await letters.dead(sender="A", limit=1)] == ["2"]


async def test_only_a_dead_letter_can_be_edited(letters: Letters) -> None:
    await letters.insert(letter("1"))
    assert not await letters.edit("1", {"raw": b"new"})
    await letters.change("1", {"state": "dead"}, durable=True)
    assert await letters.edit("1", {"raw": b"new"})
    found = await letters.get("1")
    assert found is not None
    assert found["raw"] == b"new"


async def test_messages_and_the_place_in_the_history_are_queued_together(outgoings: Outgoings) -> None:
    assert await outgoings.cursor("lab") is None
    await outgoings.put("lab", [letter("1", partner="lab", state="waiting")], "2024-05-01T00:00:00Z")
    with pytest.raises(Conflict):
        await outgoings.put("lab", [letter(one, partner="lab", state="waiting") for one in "21"], "2024-06-01")
    assert await outgoings.cursor("lab") == "2024-05-01T00:00:00Z"
    assert [one["_id"] for one in await outgoings.waiting("lab", "waiting", 10)] == ["1"]
    assert await outgoings.known(["1", "2"]) == {"1"}


async def test_messages_wait_in_the_order_in_which_they_were_queued(outgoings: Outgoings) -> None:
    for ids in ("ba", "dc"):
        await outgoings.put("lab", [letter(one, partner="lab", state="waiting") for one in ids], "x")
    await outgoings.put("other", [letter("z", partner="other", state="waiting")], "x")
    assert [one["_id"] for one in await outgoings.waiting("lab", "waiting", 10)] == ["b", "a", "d", "c"]
    assert await outgoings.change("b", {"state": "accepted"}, states=("waiting",))
    assert not await outgoings.change("b", {"state": "accepted"}, states=("waiting",))
    assert [one["_id"] for one in await outgoings.waiting("lab", "waiting", 1)] == ["a"]


async def test_a_lease_has_one_holder_until_it_ends_or_is_given_back(outgoings: Outgoings) -> None:
    async def take(holder: str, minutes: int) -> bool:
        now = NOW + timedelta(minutes=minutes)
        return await outgoings.lease("x", holder, now=now, until=now + timedelta(minutes=2))

    assert [await take("a", 0), await take("b", 1), await take("a", 1), await take("b", 2)] == [
        True,
        False,
        True,
        False,
    ]
    assert await take("b", 4)
    await outgoings.release("x", "a")
    assert not await take("a", 4)
    await outgoings.release("x", "b")
    assert await take("a", 4)
