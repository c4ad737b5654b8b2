"""The one loop that repeats transactions: collisions, limits, and work that fails."""

import asyncio
import gc
import weakref

import pytest
from pymongo.asynchronous.client_session import AsyncClientSession

from fhir_server.kernel.errors import Conflict, TooCostly, Unavailable
from fhir_server.storage import Storage, transaction


async def test_colliding_transactions_all_come_through_in_the_end(storage: Storage) -> None:
    counters = storage.database["secrets"]
    await counters.insert_one({"_id": "n", "value": 0})
    attempts = 0

    async def work(session: AsyncClientSession) -> None:
        nonlocal attempts
        attempts += 1
        await counters.update_one({"_id": "n"}, {"$inc": {"value": 1}}, session=session)
        await asyncio.sleep(0.002)

    await asyncio.gather(*(transaction.run(storage.database.client, work, time_limit_s=10) for _ in range(3)))
    stored = await counters.find_one({"_id": "n"})
    assert stored is not None
    assert stored["value"] == 3
    assert attempts > 3


async def test_who_collides_again_and_again_gets_a_conflict(storage: Storage) -> None:
    counters = storage.database["secrets"]
    await counters.insert_one({"_id": "n", "value": 0})

    async def work(session: AsyncClientSession) -> None:
        await counters.update_one({"_id": "n"}, {"$inc": {"value": 1}}, session=session)

    async with storage.database.client.start_session() as holder, await holder.start_transaction():
        await work(holder)
        with pytest.raises(Conflict):
            await transaction.run(storage.database.client, work, time_limit_s=10)


async def test_work_that_fails_leaves_nothing(storage: Storage) -> None:
    counters = storage.database["secrets"]

    async def work(session: AsyncClientSession) -> None:
        await counters.insert_one({"_id": "n"}, session=session)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await transaction.run(storage.database.client, work, time_limit_s=10)
    assert await counters.count_documents({}) == 0


async def test_a_transaction_that_mongodb_aborts_leaves_nothing_for_the_garbage_collector(storage: Storage) -> None:
    class Documents(list[dict[str, str]]):
        """A list that can be watched."""

    counters = storage.database["secrets"]
    await counters.insert_one({"_id": "n"})

    async def failed() -> "weakref.ref[Documents]":
        documents = Documents([{"_id": "n"}])

        async def work(session: AsyncClientSession) -> None:
            await counters.insert_many(documents, session=session)

        with pytest.raises(Conflict):
            await transaction.run(storage.database.client, work, time_limit_s=10)
        return weakref.ref(documents)

    gc.disable()
    try:
        assert (await failed())() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("meaning", [TooCostly, Unavailable])
async def test_work_that_needs_longer_than_the_limit_is_given_up(
    storage: Storage, meaning: type[TooCostly | Unavailable]
) -> None:
    counters = storage.database["secrets"]
    await counters.insert_one({"_id": "n"})

    async def work(session: AsyncClientSession) -> None:
        # The server itself notices the deadline in the middle of a long filter.
        await counters.find_one({"$where": "sleep(2000) || true"}, session=session)

    with pytest.raises((meaning, Unavailable)):
        await transaction.run(storage.database.client, work, time_limit_s=0.3, slow=meaning)
