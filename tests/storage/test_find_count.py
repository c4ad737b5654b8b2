"""Exact totals: values counted one by one come to what a look at every resource does, whatever codes those share."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import monitoring

from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.query import EVERYTHING, Access
from fhir_server.kernel.types import Resource
from tests.make import observation
from tests.search.world import World, empty, opened_world
from tests.storage.test_find import Commands

LOINC = "http://loinc.org"
CODINGS = [
    {"system": LOINC, "code": "1-a"},
    {"system": LOINC, "code": "2-B"},
    {"system": "urn:s", "code": "1-a"},
    {"system": "urn:s", "code": "x"},
    {"system": "urn:s"},
    {"code": "x"},
    {"system": "urn:t", "code": "77"},
]
VALUES = [
    f"{LOINC}|1-a",
    f"{LOINC}|1-A",
    f"{LOINC}|2-b",
    "urn:s|1-a",
    "urn:s|x",
    "|x",
    "urn:t|77",
    "urn:t|none",
    "1-a",
    "2-b",
    "x",
    "77",
]


@pytest.fixture(scope="module")
def listener() -> Commands:
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture(scope="module")
async def shared(mongo_uri: str, database_name: str, listener: Commands) -> AsyncIterator[World]:
    async with opened_world(mongo_uri, f"{database_name}_count") as world:
        yield world


@pytest.fixture
async def world(shared: World) -> World:
    await empty(shared)
    return shared


def coded(number: int, codings: list[dict[str, str]], category: str = "vital-signs") -> Resource:
    return observation(
        id=f"o{number}", code={"text": "weight", "coding": codings}, category=[{"coding": [{"code": category}]}]
    )


async def total(world: World, url: str, access: Access = EVERYTHING) -> int | None:
    return (await world.storage.finder.page_and_count(world.request(f"{url}&_count=1").query, access))[1]


async def looked_at(world: World, url: str) -> int:
    """Return how many hits a search has, page by page."""
    request = world.request(f"{url}&_count=1000")
    return len((await world.storage.finder.page(request.query, EVERYTHING)).versions)


@pytest.mark.parametrize("most_several", [0, 3, 2_000])
@given(
    kept=st.lists(st.lists(st.sampled_from(CODINGS), max_size=4), min_size=1, max_size=12),
    asked=st.lists(st.sampled_from(VALUES), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_resource_is_counted_once_however_many_of_the_codes_it_has(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    most_several: int,
    kept: list[list[dict[str, str]]],
    asked: list[str],
) -> None:
    monkeypatch.setattr("fhir_server.storage.find.count.MOST_SEVERAL", most_several)
    await empty(world)
    await world.store(coded(number, codings) for number, codings in enumerate(kept))
    url = f"Observation?code={','.join(asked)}"
    assert await world.storage.finder.count(world.request(url).query, EVERYTHING) == await looked_at(world, url)


@pytest.fixture
async def filled(world: World) -> World:
    """Of 60 Observations a third has each code, and two have a second one."""
    codings = [[CODINGS[0]], [CODINGS[1]], [CODINGS[6]]] * 20
    codings[0] = [CODINGS[0], CODINGS[1]]
    codings[2] = [CODINGS[6], CODINGS[3]]
    await world.store(coded(number, one, "Vital-Signs" if number == 0 else "x-y") for number, one in enumerate(codings))
    return world


async def test_codes_are_counted_by_the_keys_of_each(filled: World, listener: Commands) -> None:
    listener.seen.clear()
    assert await total(filled, f"Observation?code={LOINC}|1-a,{LOINC}|2-b,urn:t|77,urn:t|none") == 60
    page, *counts = listener.seen
    assert "$in" in str(page)
    assert [one.get("limit") for one in counts if "count" in one] == [1, 1, 1, 1, None, None, None]
    (several,) = [one for one in counts if "find" in one]
    plan = await filled.storage.database.command(
        {"explain": {name: several[name] for name in ("find", "filter", "projection", "limit", "hint")}}
    )
    assert plan["executionStats"]["totalDocsExamined"] == 2
    assert all("$in" not in str(one) for one in counts)


async def test_code_that_is_stored_in_one_form_only_is_one_count(filled: World, listener: Commands) -> None:
    """By itself "x-y" may be written in any case in some systems: those would be other values."""
    listener.seen.clear()
    assert await total(filled, "Observation?category=x-y") == 59
    assert [one["query"] for one in listener.seen if one.get("count") and "limit" not in one] == [
        {"index.rare.category": " x-y"}
    ]


async def test_total_of_a_principal_has_only_what_the_access_rule_shows(filled: World) -> None:
    hidden = {"security": [{"system": "urn:s", "code": "secret"}]}
    await filled.store([{**coded(number, [CODINGS[0]]), "meta": hidden} for number in (100, 101)])
    access = Access(
        filter={"security": {"$ne": "urn:s|secret"}},
        allows=lambda _compartments, labels: "urn:s|secret" not in labels,
    )
    url = f"Observation?code={LOINC}|1-a,{LOINC}|2-b"
    assert (await total(filled, url), await total(filled, url, access)) == (42, 40)


async def test_resource_with_two_of_the_codes_is_counted_once(filled: World) -> None:
    versions: list[Any] = [decode_stored(one.json) for one in await filled.page("Observation?code=urn:s|x")]
    assert [len(one["code"]["coding"]) for one in versions] == [2]
    assert await total(filled, "Observation?code=urn:s|x,urn:t|77") == 20
