"""_include and _revinclude."""

from typing import Any

import pytest

from conformance.load import definitions
from fhir_server.kernel.query import EVERYTHING
from fhir_server.search import Include, Search
from tests.make import observation, patient
from tests.search.world import BASE, World

FOLLOWER = Search(definitions()).follower
OBSERVATION: dict[str, Any] = observation(
    id="x",
    subject={"reference": "Patient/a"},
    encounter={"reference": f"{BASE}/Encounter/e/_history/2"},
    performer=[{"reference": "Practitioner/p"}, {"reference": "http://other.org/Practitioner/q"}],
    focus=[{"reference": "Patient/f"}],
)


@pytest.mark.parametrize(
    ("include", "links"),
    [
        (Include("Observation", "subject"), {("Patient", "a")}),
        (Include("Observation", "patient"), {("Patient", "a")}),
        (Include("Observation", "encounter"), {("Encounter", "e")}),
        (Include("Observation", "performer"), {("Practitioner", "p")}),
        (Include("Observation", "subject", "Group"), set()),
        (Include("Patient", "organization"), set()),
        (Include("*", "*"), {("Patient", "a"), ("Encounter", "e"), ("Practitioner", "p"), ("Patient", "f")}),
        (Include("Observation", "*", "Patient"), {("Patient", "a"), ("Patient", "f")}),
        (Include("Observation", "subject", reverse=True), set()),
    ],
)
def test_links_of_this_server_are_followed(include: Include, links: set[tuple[str, str]]) -> None:
    assert set(FOLLOWER.links([OBSERVATION], [include], BASE)) == links


async def test_reverse_include_finds_what_refers_to_the_hits(world: World) -> None:
    await world.store([patient(id="a"), patient(id="b")])
    await world.store(
        [
            observation(id="relative", subject={"reference": "Patient/a"}),
            observation(id="absolute", performer=[{"reference": f"{BASE}/Patient/a"}]),
            observation(id="other", subject={"reference": "Patient/b"}),
        ]
    )

    async def found(include: Include) -> set[str]:
        queries = FOLLOWER.reverse([("Patient", "a")], [include], BASE, 10)
        hits = [await world.storage.finder.first(query, EVERYTHING, limit=10) for query in queries]
        return {version.id for versions in hits for version in versions}

    assert await found(Include("Observation", "subject", reverse=True)) == {"relative"}
    assert await found(Include("Observation", "*", reverse=True)) == {"relative", "absolute"}
    assert await found(Include("Observation", "subject", "Group", reverse=True)) == set()
    assert await found(Include("Observation", "subject")) == set()
