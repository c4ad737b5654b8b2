"""Uniqueness promises stay right when guards move, appear and expire."""

import pytest

from fhir_server.kernel.errors import Conflict
from fhir_server.storage import Storage
from tests.storage.make import creation


async def test_no_keys_need_no_database(storage: Storage) -> None:
    assert await storage.guards.see([]) == ()


async def test_guards_come_in_the_order_of_the_keys(storage: Storage) -> None:
    await storage.writer.commit([creation("a")], await storage.guards.see(["b"]))
    seen = await storage.guards.see(["a", "b", "c"])
    assert [guard.key for guard in seen] == ["a", "b", "c"]
    assert [guard.seen == 0 for guard in seen] == [True, False, True]


async def test_taking_a_guard_moves_it_for_everyone_who_saw_it_before(storage: Storage) -> None:
    before = await storage.guards.see(["k"])
    await storage.writer.commit([creation("a")], before)
    after = await storage.guards.see(["k"])
    assert before != after
    await storage.writer.commit([creation("b")], after)
    for stale in (before, after):
        with pytest.raises(Conflict):
            await storage.writer.commit([creation("c")], stale)


async def test_a_guard_that_expired_and_was_taken_anew_is_not_mistaken_for_the_one_seen(storage: Storage) -> None:
    await storage.writer.commit([creation("a")], await storage.guards.see(["k"]))
    seen = await storage.guards.see(["k"])
    await storage.database["guards"].delete_many({})
    await storage.writer.commit([creation("b")], await storage.guards.see(["k"]))
    with pytest.raises(Conflict):
        await storage.writer.commit([creation("c")], seen)


async def test_a_guard_that_expired_while_nobody_took_it_may_be_taken(storage: Storage) -> None:
    await storage.writer.commit([creation("a")], await storage.guards.see(["k"]))
    seen = await storage.guards.see(["k"])
    await storage.database["guards"].delete_many({})
    await storage.writer.commit([creation("b")], seen)


async def test_guards_expire_by_themselves(storage: Storage) -> None:
    await storage.writer.commit([creation("a")], await storage.guards.see(["k"]))
    expiry = (await storage.database["guards"].index_information())["expiry"]
    stored = await storage.database["guards"].find_one({"_id": "k"})
    assert expiry["expireAfterSeconds"] == 3600
    assert stored is not None
    assert [name for name, _ in expiry["key"]] == ["at"]
    assert "at" in stored
