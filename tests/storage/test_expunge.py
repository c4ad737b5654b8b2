"""Hard deletion beside other writers: whoever comes second sees that the resource has changed."""

import asyncio

import pytest

from fhir_server.kernel.errors import Conflict
from fhir_server.kernel.query import EVERYTHING
from fhir_server.kernel.types import Version
from fhir_server.storage import Storage
from fhir_server.storage.expunge import Expunger, Removal, expunged
from tests.storage.make import creation, deletion, update


@pytest.fixture
def expunger(storage: Storage) -> Expunger:
    return Expunger(storage.database, time_limit_s=10)


async def current(storage: Storage, id_: str) -> Version:
    found = await storage.reader.read("Patient", id_, EVERYTHING)
    assert found is not None
    return found


async def deleted(storage: Storage, id_: str) -> Version:
    """A resource that was created, updated and deleted."""
    for change in (creation(id_), None, None):
        await storage.writer.commit([change or update(await current(storage, id_))])
    await storage.writer.commit([deletion(await current(storage, id_))])
    return await current(storage, id_)


async def history(storage: Storage, id_: str) -> list[int]:
    page = await storage.history.page(["Patient"], id=id_, access=EVERYTHING, count=100)
    return [version.version for version in page.versions]


async def test_a_resource_that_was_stored_again_meanwhile_stays_as_it_is(storage: Storage, expunger: Expunger) -> None:
    gone = await deleted(storage, "a")
    (removal,) = await expunger.deleted("Patient", EVERYTHING, most=100)
    await storage.writer.commit([update(gone)])
    with pytest.raises(Conflict):
        await expunger.remove(removal)
    assert [5, 4, 3, 2, 1] == await history(storage, "a")


async def test_a_resource_that_was_stored_and_deleted_again_meanwhile_stays_too(
    storage: Storage, expunger: Expunger
) -> None:
    gone = await deleted(storage, "a")
    (removal,) = await expunger.deleted("Patient", EVERYTHING, most=100)
    await storage.writer.commit([update(gone)])
    await storage.writer.commit([deletion(await current(storage, "a"))])
    with pytest.raises(Conflict):
        await expunger.remove(removal)
    assert [6, 5, 4, 3, 2, 1] == await history(storage, "a")


async def test_who_stores_it_again_second_is_told_that_it_has_changed(storage: Storage, expunger: Expunger) -> None:
    gone = await deleted(storage, "a")
    (removal,) = await expunger.deleted("Patient", EVERYTHING, most=100)
    assert 4 == await expunger.remove(removal)
    with pytest.raises(Conflict):
        await storage.writer.commit([update(gone)])
    assert [] == await history(storage, "a")


async def test_deletions_are_found_by_an_index_of_deletions_alone(storage: Storage, expunger: Expunger) -> None:
    await storage.writer.commit([creation(f"stays-{number}") for number in range(20)])
    await deleted(storage, "goes")
    explained = await storage.database.command(
        {
            "explain": {"find": "Patient", "filter": {"method": "DELETE"}, "sort": {"_id": -1}},
            "verbosity": "executionStats",
        }
    )
    assert "'indexName': 'deleted'" in str(explained["queryPlanner"]["winningPlan"])
    assert explained["executionStats"]["totalKeysExamined"] == 1
    assert [one.id for one in await expunger.deleted("Patient", EVERYTHING, most=10)] == ["goes"]


async def test_of_two_at_the_same_moment_one_wins_whole(storage: Storage, expunger: Expunger) -> None:
    for number in range(20):
        gone = await deleted(storage, f"r{number}")
        (removal,) = await expunger.deleted("Patient", EVERYTHING, id_=gone.id, most=100)
        removed, stored = await asyncio.gather(
            expunger.remove(removal), storage.writer.commit([update(gone)]), return_exceptions=True
        )
        outcomes = {type(removed), type(stored)}
        assert outcomes in ({int, Conflict}, {Conflict, type(None)})
        assert ([] if removed == 4 else [5, 4, 3, 2, 1]) == await history(storage, gone.id)
    assert [] == [finding async for finding in storage.verify()]


async def test_two_who_expunge_the_same_count_it_once(storage: Storage, expunger: Expunger) -> None:
    await deleted(storage, "a")
    (removal,) = await expunger.deleted("Patient", EVERYTHING, most=100)
    answers = await asyncio.gather(expunger.remove(removal), expunger.remove(removal), return_exceptions=True)
    assert [4] == [one for one in answers if isinstance(one, int)]
    assert [Conflict] == [type(one) for one in answers if not isinstance(one, int)]


async def test_what_went_is_remembered_as_long_as_the_resource_is_there(storage: Storage, expunger: Expunger) -> None:
    await deleted(storage, "a")
    assert 2 == await expunger.remove(Removal("Patient", "a", (1, 2)))
    assert {"a": frozenset({1, 2})} == await expunged(storage.database, "Patient", ["a", "b"])
    assert 2 == await expunger.remove(Removal("Patient", "a", (3,), deletion=4))
    assert {} == await expunged(storage.database, "Patient", ["a"])


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, [("b", (1,), None)]),
        (3, [("b", (1, 2, 3), None)]),
        (4, [("b", (1, 2, 3), 4)]),
        (6, [("b", (1, 2, 3), 4), ("a", (1, 2), None)]),
        (8, [("b", (1, 2, 3), 4), ("a", (1, 2, 3), 4)]),
        (100, [("b", (1, 2, 3), 4), ("a", (1, 2, 3), 4)]),
    ],
)
async def test_a_deletion_goes_only_with_all_versions_before_it(
    storage: Storage, expunger: Expunger, most: int, expected: list[tuple[str, tuple[int, ...], int | None]]
) -> None:
    await deleted(storage, "a")
    await deleted(storage, "b")
    found = await expunger.deleted("Patient", EVERYTHING, most=most)
    assert expected == [(one.id, one.versions, one.deletion) for one in found]
