"""Commits: all or nothing, shared but independent, one winner of every race."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from fhir_server.kernel.errors import Conflict, FhirError, TooLarge, Unprocessable
from fhir_server.kernel.query import EVERYTHING
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import Change, Draft, Version
from fhir_server.storage import Storage, open_storage
from tests.storage.conftest import Batches, index_specs
from tests.storage.make import creation, deletion, draft, update


async def current(storage: Storage, id_: str, type_: str = "Patient") -> Version:
    found = await storage.reader.read(type_, id_, EVERYTHING)
    assert found is not None
    return found


async def consistent(storage: Storage) -> bool:
    return [finding async for finding in storage.verify()] == []


async def outcomes(*commits: Coroutine[Any, Any, None]) -> list[type | None]:
    results = await asyncio.gather(*commits, return_exceptions=True)
    return [None if result is None else type(result) for result in results]


async def test_an_empty_commit_does_nothing(storage: Storage, batches: Batches) -> None:
    await storage.writer.commit([])
    assert batches == []


async def test_update_moves_the_replaced_version_to_history(storage: Storage) -> None:
    first, second = creation("a"), None
    await storage.writer.commit([first])
    await storage.writer.commit([second := update(first.draft.version)])
    assert await current(storage, "a") == second.draft.version
    history = await storage.database["Patient_history"].find_one({"_id": "a/1"})
    assert history is not None
    assert history["until"] == second.draft.version.updated
    assert await consistent(storage)


async def test_a_create_makes_no_history(storage: Storage) -> None:
    await storage.writer.commit([creation("a")])
    assert await storage.database["Patient_history"].count_documents({}) == 0


async def test_a_deleted_resource_keeps_its_document_without_content_and_can_come_back(storage: Storage) -> None:
    await storage.writer.commit([creation("a")])
    await storage.writer.commit([deletion(await current(storage, "a"))])
    gone = await current(storage, "a")
    assert gone.deleted
    assert gone.json == b""
    await storage.writer.commit([update(gone)])
    assert (await current(storage, "a")).version == 3
    assert await consistent(storage)


async def test_creating_under_a_taken_id_is_a_conflict(storage: Storage) -> None:
    await storage.writer.commit([creation("a")])
    with pytest.raises(Conflict):
        await storage.writer.commit([creation("a")])


async def test_replacing_what_is_no_longer_current_is_a_conflict(storage: Storage) -> None:
    await storage.writer.commit([creation("a")])
    first = await current(storage, "a")
    await storage.writer.commit([update(first)])
    with pytest.raises(Conflict):
        await storage.writer.commit([update(first)])
    assert (await current(storage, "a")).version == 2


async def test_replacing_what_was_never_stored_is_a_conflict(storage: Storage) -> None:
    with pytest.raises(Conflict):
        await storage.writer.commit([update(creation("ghost").draft.version)])


async def test_of_fifty_parallel_commits_on_one_version_exactly_one_wins(storage: Storage) -> None:
    await storage.writer.commit([creation("a")])
    first = await current(storage, "a")
    results = await outcomes(*(storage.writer.commit([update(first, text=str(n))]) for n in range(50)))
    assert (results.count(None), results.count(Conflict)) == (1, 49)
    assert await consistent(storage)


async def test_of_fifty_parallel_creates_under_one_id_exactly_one_wins(storage: Storage) -> None:
    results = await outcomes(*(storage.writer.commit([creation("a", text=str(n))]) for n in range(50)))
    assert (results.count(None), results.count(Conflict)) == (1, 49)


async def test_of_fifty_parallel_guarded_creates_exactly_one_wins(storage: Storage) -> None:
    guards = await storage.guards.see(["Patient?identifier=x|1"])
    results = await outcomes(*(storage.writer.commit([creation(f"g{n}")], guards) for n in range(50)))
    assert (results.count(None), results.count(Conflict)) == (1, 49)
    assert await storage.database["Patient"].count_documents({}) == 1


async def test_two_processes_race_for_one_version_and_one_wins(storage: Storage, storage_settings: Settings) -> None:
    await storage.writer.commit([creation(f"a{n}") for n in range(20)])
    versions = [await current(storage, f"a{n}") for n in range(20)]
    async with open_storage(storage_settings, index_specs) as other:
        results = await outcomes(
            *(one.writer.commit([update(version)]) for version in versions for one in (storage, other))
        )
    assert (results.count(None), results.count(Conflict)) == (20, 20)
    assert await consistent(storage)


async def test_lone_inserts_of_one_moment_share_one_insert(storage: Storage, batches: Batches) -> None:
    await storage.schema.ensure(["Patient"])
    await asyncio.gather(*(storage.writer.commit([creation(f"a{n}")]) for n in range(40)))
    assert batches == [("insert", 40)]
    assert await storage.database["Patient"].count_documents({}) == 40


async def test_updates_of_one_moment_share_one_transaction(storage: Storage, batches: Batches) -> None:
    await storage.writer.commit([creation(f"a{n}") for n in range(40)])
    versions = [await current(storage, f"a{n}") for n in range(40)]
    batches.clear()
    await asyncio.gather(*(storage.writer.commit([update(version)]) for version in versions))
    assert batches == [("commit", 40)]
    assert await consistent(storage)


async def test_a_failing_insert_does_not_fail_its_neighbours(storage: Storage, batches: Batches) -> None:
    await storage.writer.commit([creation("a5")])
    batches.clear()
    results = await outcomes(*(storage.writer.commit([creation(f"a{n}")]) for n in range(10)))
    assert [place for place, result in enumerate(results) if result] == [5]
    assert batches == [("insert", 10)]


async def test_a_failing_update_does_not_fail_its_neighbours(storage: Storage, batches: Batches) -> None:
    await storage.writer.commit([creation(f"a{n}") for n in range(10)])
    versions = [await current(storage, f"a{n}") for n in range(10)]
    await storage.writer.commit([update(versions[5])])
    batches.clear()
    results = await outcomes(*(storage.writer.commit([update(version)]) for version in versions))
    assert [place for place, result in enumerate(results) if result] == [5]
    assert batches == [("commit", 10)]
    assert await consistent(storage)


async def test_what_mongodb_refuses_does_not_fail_its_neighbours(storage: Storage) -> None:
    deep: dict[str, object] = {}
    for _ in range(250):
        deep = {"part": deep}
    results = await outcomes(
        *(storage.writer.commit([creation(f"a{n}", item=deep if n == 3 else 1)]) for n in range(6))
    )
    assert results == [None, None, None, Unprocessable, None, None]


async def test_a_commit_of_several_changes_is_all_or_nothing(storage: Storage) -> None:
    await storage.writer.commit([creation("taken", type_="Observation")])
    with pytest.raises(Conflict):
        await storage.writer.commit(
            [creation("a"), creation("b", type_="Encounter"), creation("taken", type_="Observation")]
        )
    assert await storage.reader.read("Patient", "a", EVERYTHING) is None
    assert await storage.reader.read("Encounter", "b", EVERYTHING) is None


async def test_a_guard_that_moved_leaves_nothing_behind(storage: Storage) -> None:
    guards = await storage.guards.see(["k"])
    await storage.writer.commit([creation("a")], guards)
    with pytest.raises(Conflict):
        await storage.writer.commit([creation("b")], guards)
    assert await storage.reader.read("Patient", "b", EVERYTHING) is None


async def test_one_document_beyond_the_limit_stores_nothing_of_its_commit(storage: Storage) -> None:
    with pytest.raises(TooLarge):
        await storage.writer.commit([creation("a"), creation("b", text="x" * 9_000_000)])
    assert await storage.reader.read("Patient", "a", EVERYTHING) is None


async def test_ten_thousand_changes_are_one_commit_and_others_go_on_meanwhile(storage: Storage) -> None:
    await storage.writer.commit([creation("reader")])
    changes = [creation(f"n{number}") for number in range(10_000)]
    large = asyncio.ensure_future(storage.writer.commit(changes))
    served = 0
    while not large.done():
        await current(storage, "reader")
        await storage.writer.commit([creation(f"other{served}")])
        served += 1
    await large
    assert served > 3
    assert await storage.database["Patient"].count_documents({"_id": {"$regex": "^n"}}) == 10_000


async def test_ten_thousand_changes_with_one_conflict_store_nothing(storage: Storage) -> None:
    await storage.writer.commit([creation("n9999")])
    with pytest.raises(Conflict):
        await storage.writer.commit([creation(f"n{number}") for number in range(10_000)])
    assert await storage.database["Patient"].count_documents({}) == 1


async def test_several_versions_of_one_resource_may_come_in_one_commit(storage: Storage) -> None:
    first = creation("a")
    second = update(first.draft.version)
    third = update(second.draft.version)
    await storage.writer.commit([first, second, third])
    assert (await current(storage, "a")).version == 3
    assert await consistent(storage)


async def test_a_cancelled_commit_harms_nobody_who_shares_its_batch(storage: Storage) -> None:
    commits = [asyncio.ensure_future(storage.writer.commit([creation(f"a{n}")])) for n in range(5)]
    await asyncio.sleep(0)
    commits[2].cancel()
    results: list[FhirError | BaseException | None] = await asyncio.gather(*commits, return_exceptions=True)
    assert [result for place, result in enumerate(results) if place != 2] == [None] * 4


async def test_without_native_copy_the_text_is_served_all_the_same(
    storage: Storage, storage_settings: Settings
) -> None:
    settings = Settings(mongo=storage_settings.mongo, database=storage_settings.database, native_copy=False)
    async with open_storage(settings, index_specs) as slim:
        await slim.writer.commit([change := creation("a")])
        assert await current(slim, "a") == change.draft.version
    stored = await storage.database["Patient"].find_one({"_id": "a"})
    assert stored is not None
    assert "resource" not in stored


async def test_the_index_of_a_draft_is_stored_beside_it(storage: Storage) -> None:
    one = draft("a")
    await storage.writer.commit([Change(Draft(one.version, one.resource, {"name": ["müller"]}))])
    stored = await storage.database["Patient"].find_one({"index.name": "müller"})
    assert stored is not None
