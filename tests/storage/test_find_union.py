"""Reading several types with one command: order, limits and access are those of a find for each."""

from collections.abc import AsyncIterator

import pytest

from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.layout import ID, JSON
from fhir_server.kernel.query import EVERYTHING, Access
from fhir_server.kernel.types import Version
from fhir_server.storage.find.union import read_union
from tests.make import observation, patient
from tests.search.world import World, empty, opened_world

ALL = {JSON: {"$exists": True}}


@pytest.fixture
async def world(mongo_uri: str, database_name: str) -> AsyncIterator[World]:
    async with opened_world(mongo_uri, f"{database_name}_union") as world:
        await empty(world)
        await world.store([patient(id=f"p{number}") for number in range(3)])
        await world.store([observation(id=f"o{number}") for number in range(3)])
        yield world


async def read(world: World, *types: str, limit: int = 100, access: Access = EVERYTHING) -> list[str]:
    legs = [(type_, ALL) for type_ in types]
    found = await read_union(world.storage.database, legs, access, limit=limit, time_limit_ms=10_000)
    return [version.reference for version in found]


async def test_types_come_in_the_order_of_the_legs_and_ids_descend(world: World) -> None:
    expected = ["Patient/p2", "Patient/p1", "Patient/p0", "Observation/o2", "Observation/o1", "Observation/o0"]
    assert expected == await read(world, "Patient", "Observation")
    assert expected[3:] + expected[:3] == await read(world, "Observation", "Patient")


@pytest.mark.parametrize("limit", [1, 3, 4, 6])
async def test_the_limit_cuts_all_types_together(world: World, limit: int) -> None:
    everything = await read(world, "Patient", "Observation")
    assert everything[:limit] == await read(world, "Patient", "Observation", limit=limit)


async def test_a_type_that_was_never_stored_has_nothing(world: World) -> None:
    assert ["Patient/p2", "Patient/p1", "Patient/p0"] == await read(world, "Basic", "Patient", "Account")
    assert [] == await read(world)


async def test_only_what_the_access_rule_shows_is_read(world: World) -> None:
    access = Access(filter={ID: {"$in": ["p1", "o0"]}}, allows=lambda _compartments, _security: True)
    assert ["Patient/p1", "Observation/o0"] == await read(world, "Patient", "Observation", access=access)


async def test_versions_are_those_that_a_read_gives(world: World) -> None:
    legs = [("Observation", {ID: "o1"})]
    found: list[Version] = await read_union(world.storage.database, legs, EVERYTHING, limit=5, time_limit_ms=10_000)
    assert [await world.storage.reader.read("Observation", "o1", EVERYTHING)] == found


async def test_what_takes_too_long_is_too_costly(world: World) -> None:
    slow = {"$expr": {"$function": {"body": "function() { sleep(500); return true; }", "args": [], "lang": "js"}}}
    with pytest.raises(TooCostly):
        await read_union(world.storage.database, [("Patient", slow)], EVERYTHING, limit=5, time_limit_ms=50)
