"""A contained resource is found by the searches that find the same resource by itself, and by no others."""

from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.kernel.query import EVERYTHING
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
