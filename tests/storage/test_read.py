"""Reads by id: shared, and each under its own access rule."""

import asyncio

from fhir_server.kernel.query import EVERYTHING, Access
from fhir_server.storage import Storage
from tests.storage.conftest import Batches
from tests.storage.make import creation, deletion, update


def only(compartment: str) -> Access:
    return Access({"compartments": compartment}, lambda compartments, _security: compartment in compartments)


async def test_what_was_never_stored_is_none(storage: Storage) -> None:
    assert await storage.reader.read("Patient", "nobody", EVERYTHING) is None
    assert await storage.reader.read("Account", "nobody", EVERYTHING) is None


async def test_read_gives_the_stored_version_back(storage: Storage) -> None:
    change = creation("a", compartments=("Patient/a",))
    await storage.writer.commit([change])
    assert await storage.reader.read("Patient", "a", EVERYTHING) == change.draft.version


async def test_concurrent_reads_share_one_find(storage: Storage, batches: Batches) -> None:
    await storage.writer.commit([creation("a"), creation("b")])
    batches.clear()
    found = await asyncio.gather(*(storage.reader.read("Patient", id_, EVERYTHING) for id_ in "abcab"))
    assert [version and version.id for version in found] == ["a", "b", None, "a", "b"]
    assert batches == [("read", 5)]


async def test_reads_of_one_batch_are_each_decided_by_their_own_access(storage: Storage) -> None:
    await storage.writer.commit([creation("a", compartments=("Patient/a",))])
    mine, other = await asyncio.gather(
        storage.reader.read("Patient", "a", only("Patient/a")), storage.reader.read("Patient", "a", only("Patient/b"))
    )
    assert mine is not None
    assert other is None


async def test_a_read_that_begins_after_a_commit_sees_it(storage: Storage) -> None:
    await storage.writer.commit([creation("a")])
    for number in range(2, 20):
        current = await storage.reader.read("Patient", "a", EVERYTHING)
        assert current is not None
        noise = [asyncio.ensure_future(storage.reader.read("Patient", "a", EVERYTHING)) for _ in range(5)]
        await storage.writer.commit([update(current)])
        after = await storage.reader.read("Patient", "a", EVERYTHING)
        assert after is not None
        assert after.version == number
        await asyncio.gather(*noise)


async def test_read_many_answers_across_types_without_the_hidden_and_the_absent(storage: Storage) -> None:
    await storage.writer.commit(
        [
            creation("a", compartments=("Patient/a",)),
            creation("b"),
            creation("o", type_="Observation", compartments=("Patient/a",)),
        ]
    )
    wanted = [("Patient", "a"), ("Patient", "b"), ("Observation", "o"), ("Patient", "none"), ("Patient", "a")]
    found = await storage.reader.read_many(wanted, only("Patient/a"))
    assert set(found) == {("Patient", "a"), ("Observation", "o")}
    assert found["Observation", "o"].type == "Observation"


async def test_each_version_can_be_read_also_after_deletion(storage: Storage) -> None:
    first = creation("a").draft.version
    await storage.writer.commit([creation("a")])
    await storage.writer.commit([second := update(first)])
    await storage.writer.commit([third := deletion(second.draft.version)])
    found = [await storage.reader.read_version("Patient", "a", number, EVERYTHING) for number in (1, 2, 3, 4)]
    assert found == [first, second.draft.version, third.draft.version, None]


async def test_a_superseded_version_is_hidden_by_its_own_compartments(storage: Storage) -> None:
    first = creation("a", compartments=("Patient/a",)).draft.version
    await storage.writer.commit([creation("a", compartments=("Patient/a",))])
    await storage.writer.commit([update(first, compartments=("Patient/a", "Patient/b"))])
    assert await storage.reader.read_version("Patient", "a", 1, only("Patient/b")) is None
    assert await storage.reader.read_version("Patient", "a", 1, only("Patient/a")) == first


async def test_more_ids_than_one_batch_holds_are_all_found(storage: Storage) -> None:
    await storage.writer.commit([creation(f"n{number}") for number in range(1_100)])
    found = await storage.reader.read_many([("Patient", f"n{number}") for number in range(1_100)], EVERYTHING)
    assert len(found) == 1_100
