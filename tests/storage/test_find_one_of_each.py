"""A resource for each value: every value is met, however often others stand before it, and cost follows values."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fhir_server.storage.find.one_of_each as module
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.query import EVERYTHING, Access
from fhir_server.storage.find.one_of_each import one_of_each
from tests.make import patient
from tests.search.world import World, empty, opened_world

PATH = "index.rare._tag"


@pytest.fixture(scope="module")
async def shared(mongo_uri: str, database_name: str) -> AsyncIterator[World]:
    async with opened_world(mongo_uri, f"{database_name}_each") as world:
        yield world


@pytest.fixture
async def world(shared: World) -> World:
    await empty(shared)
    return shared


async def tags(world: World, access: Access = EVERYTHING) -> set[str]:
    found = await one_of_each(world.storage.database, "Patient", PATH, access, time_limit_ms=10_000)
    return {tag["code"] for version in found for tag in decode_stored(version.json)["meta"]["tag"]}


def tagged(id_: str, *codes: str) -> dict[str, Any]:
    return patient(id=id_, meta={"tag": [{"system": "urn:s", "code": code} for code in codes]})


texts = st.text("ab|~é𝔵 ", min_size=1, max_size=3).map(lambda text: f"x{text}x")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sets=st.lists(st.lists(texts, max_size=4), max_size=8))
async def test_every_value_is_met(shared: World, sets: list[list[str]]) -> None:
    await empty(shared)
    await shared.store([tagged(f"p{number}", *codes) for number, codes in enumerate(sets) if codes])
    assert {code for codes in sets for code in codes} == await tags(shared)


async def test_a_value_that_only_stands_beside_a_frequent_one_is_met(world: World) -> None:
    await world.store([tagged(f"p{number}", "m") for number in range(50)])
    await world.store([tagged("a", "m", "a"), tagged("z", "m", "z")])
    assert {"a", "m", "z"} == await tags(world)


async def test_values_of_what_the_access_rule_hides_are_not_met(world: World) -> None:
    await world.store([tagged("p1", "a", "b"), tagged("p2", "b", "c")])
    access = Access(filter={"_id": "p2"}, allows=lambda _compartments, _security: True)
    assert {"b", "c"} == await tags(world, access)


async def test_a_type_without_values_or_collection_has_none(world: World) -> None:
    await world.store([patient(id="p1")])
    assert set() == await tags(world)
    found = await one_of_each(world.storage.database, "Basic", PATH, EVERYTHING, time_limit_ms=10_000)
    assert [] == found


async def test_too_many_values_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 5)
    await world.store([tagged(f"p{number}", str(number)) for number in range(3)])
    with pytest.raises(TooCostly):
        await tags(world)


async def test_no_find_reads_more_documents_than_it_returns(world: World) -> None:
    await world.store([tagged(f"p{number:04}", "frequent") for number in range(300)])
    await world.store([tagged("a", "a"), tagged("z", "z")])
    wanted = {PATH: {"$elemMatch": {"$gt": "urn:s|frequent", "$lt": "urn:s|zz"}}}
    cursor = world.storage.database["Patient"].find(wanted).limit(1)
    examined = (await cursor.explain())["executionStats"]["totalDocsExamined"]
    assert 1 == examined
