"""A contained resource is found by the searches that find the same resource by itself, and by no others."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.load import definitions
from fhir_server.kernel.query import EVERYTHING
from fhir_server.resources.indexing import Indexer
from tests.search.test_cases import TABLES, read
from tests.search.test_oracle import Search, resource, searches
from tests.search.world import World, empty

CONTAINERS = ("DiagnosticReport", "Observation", "Procedure")


def container(number: int, inner: dict[str, Any]) -> dict[str, Any]:
    """A resource of one of three types that contains another."""
    return {
        "resourceType": CONTAINERS[number % len(CONTAINERS)],
        "id": f"r{number}",
        "contained": [{"resourceType": "Basic", "id": "first"}, {**inner, "id": "o"}],
    }


async def found(world: World, params: list[tuple[str, str]], **asked: Any) -> set[str]:
    request = world.request(f"Observation?{urlencode(params)}", **asked)
    page = await world.storage.finder.page(request.query, EVERYTHING)
    if request.inside is None:
        return {version.id for version in page.versions}
    inside = await world.storage.finder.contained.found(page.versions, request.inside.filters, EVERYTHING)
    assert {version.reference for version in page.versions} == inside.keys()
    assert all(ids == ["o"] for ids in inside.values())
    count = await world.storage.finder.contained.count(request.query, request.inside.filters, EVERYTHING)
    assert len(inside) == count
    return {reference.partition("/")[2] for reference in inside}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(resources=st.lists(resource(), min_size=3, max_size=15), asked=st.lists(searches, min_size=5, max_size=20))
async def test_contained_resources_are_found_as_others_are(
    shared_world: World, resources: list[dict[str, Any]], asked: list[Search]
) -> None:
    await empty(shared_world)
    await shared_world.store({**one, "id": f"r{number}"} for number, one in enumerate(resources))
    alone = [await found(shared_world, [(name, text)]) for name, text, _ in asked]
    await empty(shared_world)
    await shared_world.store(container(number, one) for number, one in enumerate(resources))
    for (name, text, _), expected in zip(asked, alone, strict=True):
        inside = [(name, text), ("_contained", "true")]
        assert (name, text, expected) == (name, text, await found(shared_world, inside, containers=CONTAINERS))
        assert await found(shared_world, [(name, text)]) <= {"r1", "r4", "r7", "r10", "r13"}


async def test_a_chain_of_contained_resources_is_not_mixed_up_with_containers_of_the_same_id(world: World) -> None:
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Alpha"}]}
    base = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    await world.store(
        [
            {**base, "id": "o", "subject": {"reference": "#p"}, "contained": [patient]},
            # Its Observation has the id of the one that contains an Alpha, but knows none itself.
            {**base, "resourceType": "DiagnosticReport", "id": "r", "contained": [{**base, "id": "o"}]},
        ]
    )
    assert await found(world, [("patient.family", "alpha")]) == {"o"}
    inside = [("patient.family", "alpha"), ("_contained", "true")]
    assert await found(world, inside, containers=CONTAINERS) == set()


async def test_chains_into_contained_resources_that_are_put_to_candidates_find_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = read(next(table for table in TABLES if table.stem == "3.1.1.5-chaining-contained"))
    await world.store({**content["with"], **one, "id": id_} for id_, one in content["resources"].items())
    monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", 0)
    monkeypatch.setattr("fhir_server.storage.find.lookups.GLANCE", 1)
    for search, expected in content["cases"].items():
        if expected != "error" and "[" not in search:
            url = search if "?" in search else f"{content['type']}?{search}"
            assert (search, sorted(expected.split())) == (search, sorted(await world.ids(url)))


def test_ways_of_resources_that_all_refer_to_each_other_are_bounded() -> None:
    links = [f"#{number}" for number in range(30)]
    crowd = [
        {"resourceType": "Patient", "id": link[1:], "link": [{"other": {"reference": one}} for one in links]}
        for link in links
    ]
    container = {"resourceType": "Observation", "id": "o", "subject": {"reference": "#0"}, "contained": crowd}
    index = Indexer(definitions()).index(container).index
    ways = [way for element in index["contained"] for way in element.get("ways", ())]
    assert (len(ways), ways[0]) == (200, "rare.subject")


async def test_resources_that_contain_nothing_have_no_keys_of_contained_ones(world: World) -> None:
    inner = {"resourceType": "Patient", "gender": "male"}
    await world.store(container(number, inner) for number in (1, 4))
    await world.store({"resourceType": "Observation", "id": f"o{number}", "status": "final"} for number in range(50))
    database = world.storage.database
    keys = (await database.command("validate", "Observation"))["keysPerIndex"]
    assert 0 < keys["contained"] < 50
    request = world.request("Patient?gender=male&_contained=true", containers=CONTAINERS)
    wanted = dict(request.query.legs)["Observation"]
    plan = await database.command(
        {"explain": {"find": "Observation", "filter": dict(wanted)}, "verbosity": "executionStats"}
    )
    assert (plan["executionStats"]["nReturned"], plan["executionStats"]["totalDocsExamined"]) == (2, 2)
