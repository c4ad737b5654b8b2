"""Token modifiers that need terminology: the standard's own, and stored ValueSets and CodeSystems."""

from typing import Any

import httpx2
import pytest

from tests.make import observation

pytestmark = pytest.mark.anyio

SYSTEM = "urn:test:colours"
COLOURS = {
    "resourceType": "CodeSystem",
    "url": SYSTEM,
    "status": "active",
    "content": "complete",
    "concept": [
        {"code": "red", "concept": [{"code": "crimson", "concept": [{"code": "ruby"}]}, {"code": "pink"}]},
        {"code": "blue"},
        {"code": "navy", "property": [{"code": "parent", "valueCode": "blue"}]},
    ],
}


def value_set(name: str, compose: dict[str, Any], **elements: Any) -> dict[str, Any]:
    url = f"http://terms.test/{name}"
    return {"resourceType": "ValueSet", "id": name, "url": url, "status": "active", "compose": compose, **elements}


def filtered(property_: str, op: str, value: str) -> dict[str, Any]:
    """Return the composition of the codes of SYSTEM that a filter lets through."""
    return {"include": [{"system": SYSTEM, "filter": [{"property": property_, "op": op, "value": value}]}]}


VALUE_SETS = [
    value_set("warm", filtered("concept", "is-a", "red")),
    value_set("listed", {"include": [{"system": SYSTEM, "concept": [{"code": "ruby"}, {"code": "navy"}]}]}),
    value_set("all", {"include": [{"system": SYSTEM}], "exclude": [{"valueSet": ["http://terms.test/listed"]}]}),
    value_set("both", {"include": [{"valueSet": ["http://terms.test/warm", "http://terms.test/listed"]}]}),
    value_set("strictly", filtered("concept", "descendent-of", "red")),
    value_set("itself", {"include": [{"valueSet": ["http://terms.test/itself"]}]}),
    value_set("strange", filtered("code", "regex", ".*")),
    value_set("elsewhere", {"include": [{"system": "http://snomed.info/sct"}]}),
    value_set("old", {"include": [{"system": SYSTEM, "concept": [{"code": "pink"}]}]}, version="1"),
    value_set(
        "new",
        {"include": [{"system": SYSTEM, "concept": [{"code": "blue"}]}]},
        version="2",
        url="http://terms.test/old",
    ),
]


@pytest.fixture
async def colours(fhir: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """A server that knows the colours; its Observations are one for each."""
    assert (await fhir.put("/CodeSystem/colours", json={**COLOURS, "id": "colours"})).status_code < 300
    for one in VALUE_SETS:
        assert (await fhir.put(f"/ValueSet/{one['id']}", json=one)).status_code < 300
    for code in ("red", "crimson", "ruby", "pink", "blue", "navy"):
        coded = observation(id=f"colour-{code}", code={"coding": [{"system": SYSTEM, "code": code}]}, status="final")
        assert (await fhir.put(f"/Observation/colour-{code}", json=coded)).status_code < 300
    return fhir


async def found(fhir: httpx2.AsyncClient, **params: str) -> set[str]:
    response = await fhir.get("/Observation", params={"code:missing": "false", "_count": "1000", **params})
    assert response.status_code == 200, response.text
    ids = (entry["resource"]["id"] for entry in response.json().get("entry", ()))
    return {id_.removeprefix("colour-") for id_ in ids if id_.startswith("colour-")}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://terms.test/warm", {"red", "crimson", "ruby", "pink"}),
        ("ValueSet/warm", {"red", "crimson", "ruby", "pink"}),
        ("http://terms.test/listed", {"ruby", "navy"}),
        ("http://terms.test/all", {"red", "crimson", "pink", "blue"}),
        ("http://terms.test/both", {"ruby"}),
        ("http://terms.test/strictly", {"crimson", "ruby", "pink"}),
        ("http://terms.test/old|1", {"pink"}),
        ("http://terms.test/old|2", {"blue"}),
        ("http://terms.test/listed,http://terms.test/old|2", {"ruby", "navy", "blue"}),
    ],
)
async def test_in_finds_the_codes_of_a_stored_value_set(
    colours: httpx2.AsyncClient, value: str, expected: set[str]
) -> None:
    assert await found(colours, **{"code:in": value}) == expected


async def test_value_set_that_was_altered_counts_at_once(colours: httpx2.AsyncClient) -> None:
    asked = {"code:in": "http://terms.test/listed"}
    assert await found(colours, **asked) == {"ruby", "navy"}
    altered = value_set("listed", {"include": [{"system": SYSTEM, "concept": [{"code": "pink"}]}]})
    assert (await colours.put("/ValueSet/listed", json=altered)).status_code == 200
    assert await found(colours, **asked) == {"pink"}


async def test_not_in_finds_the_others(colours: httpx2.AsyncClient) -> None:
    assert await found(colours, **{"code:not-in": "http://terms.test/warm"}) == {"blue", "navy"}


async def test_below_and_above_follow_the_hierarchy(colours: httpx2.AsyncClient) -> None:
    assert await found(colours, **{"code:below": f"{SYSTEM}|crimson"}) == {"crimson", "ruby"}
    assert await found(colours, **{"code:above": f"{SYSTEM}|ruby"}) == {"ruby", "crimson", "red"}
    assert await found(colours, **{"code:below": f"{SYSTEM}|blue"}) == {"blue", "navy"}


async def test_filter_has_the_same_as_operators(colours: httpx2.AsyncClient) -> None:
    assert await found(colours, _filter="code in http://terms.test/listed") == {"ruby", "navy"}
    assert await found(colours, _filter=f"code ss {SYSTEM}|crimson") == {"crimson", "ruby"}
    assert await found(colours, _filter=f"code sb {SYSTEM}|crimson") == {"crimson", "red"}
    assert await found(colours, _filter="code ni http://terms.test/warm") == {"blue", "navy"}


async def test_value_sets_of_the_standard_are_known_and_their_systems_need_not_be_stored(
    colours: httpx2.AsyncClient,
) -> None:
    everything = {"red", "crimson", "ruby", "pink", "blue", "navy"}
    known = "http://hl7.org/fhir/ValueSet/observation-status"
    assert await found(colours, **{"status:in": known}) == everything
    assert await found(colours, **{"status:in": f"{known}|4.0.1"}) == everything
    assert await found(colours, **{"status:not-in": known}) == set()
    assert await found(colours, **{"status:in": "http://hl7.org/fhir/ValueSet/composition-status"}) == set()


async def test_modifier_works_behind_a_chain(colours: httpx2.AsyncClient) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "of-ruby",
        "status": "final",
        "code": {"text": "colour"},
        "result": [{"reference": "Observation/colour-ruby"}],
    }
    await colours.put("/DiagnosticReport/of-ruby", json=report)
    response = await colours.get("/DiagnosticReport", params={"result.code:in": "http://terms.test/listed"})
    assert [entry["resource"]["id"] for entry in response.json()["entry"]] == ["of-ruby"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code:in", "http://terms.test/unknown"),
        ("code:in", "http://terms.test/elsewhere"),
        ("code:in", "http://terms.test/strange"),
        ("code:in", "http://terms.test/itself"),
        ("code:below", "urn:unknown|x"),
        ("code:below", f"{SYSTEM}|violet"),
        ("code:above", "red"),
        ("_filter", "code in http://terms.test/unknown"),
    ],
)
async def test_what_is_not_known_is_refused_with_its_name(colours: httpx2.AsyncClient, name: str, value: str) -> None:
    response = await colours.get("/Observation", params={name: value})
    assert response.status_code == 400
    assert name in response.json()["issue"][0]["diagnostics"]
