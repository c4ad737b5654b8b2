"""_include and _revinclude."""

from dataclasses import replace
from typing import Any

import pytest

from conformance.load import definitions
from fhir_server.kernel.query import EVERYTHING
from fhir_server.search import Include, Search
from fhir_server.search.includes import Link
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
        (Include("Observation", "subject"), {("Patient", "a", None)}),
        (Include("Observation", "patient"), {("Patient", "a", None)}),
        (Include("Observation", "encounter"), {("Encounter", "e", 2)}),
        (Include("Observation", "performer"), {("Practitioner", "p", None)}),
        (Include("Observation", "subject", "Group"), set()),
        (Include("Patient", "organization"), set()),
        (
            Include("*", "*"),
            {("Patient", "a", None), ("Encounter", "e", 2), ("Practitioner", "p", None), ("Patient", "f", None)},
        ),
        (Include("Observation", "*", "Patient"), {("Patient", "a", None), ("Patient", "f", None)}),
        (Include("Observation", "subject", reverse=True), set()),
    ],
)
def test_links_of_this_server_are_followed(include: Include, links: set[Link]) -> None:
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


FORMS: list[dict[str, Any]] = [
    {"resourceType": "Questionnaire", "id": "one", "status": "retired", "url": "http://f.test/q", "version": "1"},
    {"resourceType": "Questionnaire", "id": "two", "status": "active", "url": "http://f.test/q", "version": "2"},
    {"resourceType": "Questionnaire", "id": "bare", "status": "active", "url": "http://f.test/q/bare"},
]
ANSWERS: list[dict[str, Any]] = [
    {"resourceType": "QuestionnaireResponse", "id": id_, "status": "completed", "questionnaire": canonical}
    for id_, canonical in {
        "any": "http://f.test/q",
        "first": "http://f.test/q|1",
        "third": "http://f.test/q|3",
        "marked": "http://f.test/q|2#part",
        "bare": "http://f.test/q/bare",
        "unknown": "http://f.test/unknown",
    }.items()
]
BY_QUESTIONNAIRE = Include("QuestionnaireResponse", "questionnaire")


@pytest.mark.parametrize(
    ("answer", "include", "forms"),
    [
        ("any", BY_QUESTIONNAIRE, {"one", "two"}),
        ("first", BY_QUESTIONNAIRE, {"one"}),
        ("third", BY_QUESTIONNAIRE, set()),
        ("marked", BY_QUESTIONNAIRE, {"two"}),
        ("bare", Include("QuestionnaireResponse", "questionnaire", "Questionnaire"), {"bare"}),
        ("bare", Include("*", "*"), {"bare"}),
        ("unknown", BY_QUESTIONNAIRE, set()),
        ("bare", Include("QuestionnaireResponse", "subject"), set()),
        ("bare", Include("PlanDefinition", "definition"), set()),
    ],
)
async def test_include_follows_a_canonical_by_its_url_and_version(
    world: World, answer: str, include: Include, forms: set[str]
) -> None:
    await world.store(FORMS)
    assert await by_url(world, [one for one in ANSWERS if one["id"] == answer], include) == forms


@pytest.mark.parametrize(
    ("form", "include", "answers"),
    [
        ("one", BY_QUESTIONNAIRE, {"any", "first"}),
        ("two", BY_QUESTIONNAIRE, {"any", "marked"}),
        ("bare", BY_QUESTIONNAIRE, {"bare"}),
        ("bare", Include("*", "*"), {"bare"}),
        ("bare", Include("QuestionnaireResponse", "questionnaire", "Questionnaire"), {"bare"}),
        ("bare", Include("QuestionnaireResponse", "subject"), set()),
    ],
)
async def test_reverse_include_finds_what_names_a_resource_by_its_url(
    world: World, form: str, include: Include, answers: set[str]
) -> None:
    await world.store(ANSWERS)
    assert await by_url(world, [one for one in FORMS if one["id"] == form], replace(include, reverse=True)) == answers


async def by_url(world: World, resources: list[dict[str, Any]], include: Include) -> set[str]:
    queries = FOLLOWER.by_url(resources, [include], 10)
    hits = [await world.storage.finder.first(query, EVERYTHING, limit=10) for query in queries]
    return {version.id for versions in hits for version in versions}


def test_resources_are_read_only_where_their_addresses_are_not_enough() -> None:
    assert FOLLOWER.reads([Include("Observation", "subject")])
    assert not FOLLOWER.reads([Include("Observation", "subject", reverse=True)])
    assert FOLLOWER.reads([Include("QuestionnaireResponse", "questionnaire", reverse=True)])
