"""The state of the rules, the fences, and the jobs of several processes over one database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fhir_server.kernel.errors import Outdated
from fhir_server.kernel.types import Alteration, Change
from fhir_server.storage import Indexed, Job, Storage
from fhir_server.storage.reindexing import jobs
from tests.storage.make import creation, deletion, draft

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def without_fences(storage: Storage) -> AsyncIterator[None]:
    """Fences stay as long as their collection: other tests must not meet them."""
    yield
    for type_ in ("Patient", "Slot"):
        await storage.database[type_].drop()


async def nothing() -> None:
    """What happens while a fence waits: nobody has anything to say."""


def by_rules(generation: int, one: Change) -> Change:
    return replace(one, draft=replace(one.draft, generation=generation))


def altering(id_: str, generation: int, *types: str, dropped: tuple[str, ...] = ()) -> Change:
    alteration = Alteration(generation, frozenset(types), frozenset(dropped))
    return Change(replace(draft(id_), alters=alteration))


async def test_an_alteration_counts_and_touches_its_types(storage: Storage) -> None:
    assert 0 == (await storage.rules.state()).generation
    await storage.writer.commit([altering("a", 0, "Patient")])
    await storage.writer.commit([altering("b", 1, "Observation")])
    state = await storage.rules.state()
    assert (2, {"Patient": 1, "Observation": 2}) == (state.generation, state.touched)
    assert 2 == storage.rules.known


async def test_of_two_alterations_of_the_same_rules_one_is_outdated_and_stores_nothing(storage: Storage) -> None:
    await storage.rules.state()
    both = [storage.writer.commit([altering(id_, 0, "Patient")]) for id_ in ("a", "b")]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert {type(None), Outdated} == {type(one) for one in results}
    assert 1 == await storage.database["Patient"].count_documents({})


async def test_behind_a_fence_nobody_writes_by_older_rules(storage: Storage) -> None:
    old = creation("old")
    await storage.writer.commit([old])
    assert ["Patient"] == await storage.rules.fence(["Patient"], 3, nothing)
    with pytest.raises(Outdated):
        await storage.writer.commit([by_rules(2, creation("a"))])
    with pytest.raises(Outdated):
        await storage.writer.commit([by_rules(2, creation("a")), by_rules(2, creation("b"))])
    await storage.writer.commit([by_rules(3, creation("a"))])
    await storage.writer.commit([deletion(old.draft.version)])
    assert 2 == await storage.database["Patient"].count_documents({})


async def test_who_shares_a_batch_with_an_outdated_write_is_stored(storage: Storage) -> None:
    await storage.schema.ensure(["Patient"])
    await storage.rules.fence(["Patient"], 3, nothing)
    writes = [by_rules(2 + number % 2, creation(str(number))) for number in range(6)]
    alone = await asyncio.gather(*(storage.writer.commit([one]) for one in writes), return_exceptions=True)
    assert [Outdated, type(None)] * 3 == [type(one) for one in alone]
    pairs = [[by_rules(2 + n % 2, creation(f"{n}a")), by_rules(2 + n % 2, creation(f"{n}b"))] for n in range(6)]
    together = await asyncio.gather(*(storage.writer.commit(one) for one in pairs), return_exceptions=True)
    assert [Outdated, type(None)] * 3 == [type(one) for one in together]


async def test_a_collection_that_is_made_later_has_the_fence_too(storage: Storage) -> None:
    assert [] == await storage.rules.fence(["Slot"], 3, nothing)
    with pytest.raises(Outdated):
        await storage.writer.commit([by_rules(2, creation("a", type_="Slot"))])
    await storage.writer.commit([by_rules(3, creation("a", type_="Slot"))])


async def test_what_was_touched_again_is_not_finished(storage: Storage) -> None:
    await storage.rules.state()
    await storage.writer.commit([altering("a", 0, "Patient", "Slot")])
    await storage.writer.commit([altering("b", 1, "Patient")])
    await storage.rules.finish({"Patient": ["Patient.n~1"], "Slot": ["Slot.n~1"]}, 1)
    state = await storage.rules.state()
    assert ({"Patient": 2}, {"Slot.n~1"}) == (state.touched, state.indexed)
    await storage.writer.commit([altering("c", 2, "Slot", dropped=("Slot.n~1",))])
    assert frozenset() == (await storage.rules.state()).indexed


async def test_the_walk_sees_what_follows_older_rules_and_does_not_touch_what_was_written_since(
    storage: Storage,
) -> None:
    await storage.writer.commit([creation("a")])
    await storage.writer.commit([by_rules(1, creation("b"))])
    await storage.writer.commit([creation("c")])
    batch = await storage.walk.batch("Patient", "", 1)
    assert [("a", True), ("b", False), ("c", True)] == [(one.id, one.json is not None) for one in batch]
    indexes = [Indexed(one.id, one.version + (one.id == "c"), {"id": "new"}, ("Patient/x",)) for one in batch]
    await storage.walk.store("Patient", indexes, 2)
    documents = {one["_id"]: one async for one in storage.database["Patient"].find()}
    assert ["new", "new", "c"] == [documents[id_]["index"]["id"] for id_ in "abc"]
    assert (2, ["Patient/x"]) == (documents["a"]["generation"], documents["a"]["compartments"])
    assert [] == await storage.walk.batch("Patient", "c", 1)


async def test_one_process_at_a_time_has_the_oldest_job(storage: Storage) -> None:
    for id_ in ("first", "second"):
        await storage.jobs.add(Job(id_, NOW))
    claims = await asyncio.gather(*(storage.jobs.claim(owner) for owner in ("x", "y", "z")))
    (got,) = (one for one in claims if one is not None)
    owner = "xyz"[claims.index(got)]
    assert ("first", "running") == (got.id, got.state)
    assert not await storage.jobs.keep(replace(got, done=5), "somebody else")
    assert await storage.jobs.keep(replace(got, state="done", finished=NOW), owner)
    second = await storage.jobs.claim("y")
    assert second is not None
    assert "second" == second.id


async def test_a_job_goes_on_where_its_last_process_left_it(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    await storage.jobs.add(Job("job", NOW, ("Patient",)))
    monkeypatch.setattr(jobs, "LEASE_S", 0)  # as if that time had passed
    job = await storage.jobs.claim("dies")
    assert job is not None
    await storage.jobs.keep(replace(job, at="Patient", after="p9", done=9, total=20), "dies")
    taken = await storage.jobs.claim("lives")
    assert taken is not None
    assert ("p9", 9, 20) == (taken.after, taken.done, taken.total)
    assert not await storage.jobs.keep(taken, "dies")


async def test_a_job_that_is_released_need_not_be_waited_for(storage: Storage) -> None:
    await storage.jobs.add(Job("job", NOW))
    job = await storage.jobs.claim("ends")
    assert job is not None
    assert await storage.jobs.claim("other") is None
    await storage.jobs.release(job, "ends")
    assert await storage.jobs.claim("other") is not None
