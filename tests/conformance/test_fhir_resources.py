"""fhir.resources as the second opinion: what it rejects is rejected here, but for its own defects.

It has no R4, but R4B: the two agree in all types used here, which a test checks property by property. That it accepts
more says nothing: it knows no value sets, no targets of references, no rules of Bundle, and converts before it judges.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from conformance import definitions
from tests.conformance.official import ARCHIVE, examples
from tests.conformance.walk.judge import problems

Steps = tuple[str | int, ...]

SMALL: list[dict[str, Any]] = json.loads((Path(__file__).parent / "small_resources.json").read_text("utf-8"))
OFFICIAL = """
AllergyIntolerance Appointment CarePlan ChargeItem Claim ClaimResponse Communication Composition Condition Consent
Coverage Device DiagnosticReport Encounter ExplanationOfBenefit Flag Goal Group Immunization Invoice List Location
Medication MedicationRequest Observation Organization Patient Practitioner PractitionerRole Procedure Provenance
Questionnaire QuestionnaireResponse RelatedPerson Schedule ServiceRequest Slot Specimen Task
"""
GARBAGE: tuple[Any, ...] = (
    *(None, 1, -1, 1.5, True, "", "x y", " ", "2024-13-01", "2024-01-01T00:00:00"),
    *([], {}, ["a"], {"id": "a"}, "Patient/1"),
)
MUTATIONS = 30

NOTE = {"extension": [{"url": "http://example.org/e", "valueCode": "unknown"}]}
# Resources that R4 allows and fhir.resources refuses, each with the reason why that is its defect.
DEFECTS: dict[str, dict[str, Any]] = {
    "the value of an extension may be there only by its own extensions": {
        "resourceType": "Patient",
        "extension": [{"url": "http://example.org/e", "_valueString": NOTE}],
    },
}


def mutated(resource: dict[str, Any], random: Random) -> dict[str, Any]:
    """Return a copy with one element deleted, renamed, spoilt, or of another cardinality."""
    copy = deepcopy(resource)
    *way, last = random.choice([path for path in paths(copy) if path != ("resourceType",)])
    parent: Any = copy
    for step in way:
        parent = parent[step]
    match random.choice(("delete", "garbage", "garbage", "wrap", "unwrap", "unknown", "rename")):
        case "delete":
            del parent[last]
        case "garbage":
            parent[last] = random.choice(GARBAGE)
        case "wrap":
            parent[last] = [parent[last]]
        case "unwrap":
            parent[last] = parent[last][0] if isinstance(parent[last], list) else {"value": parent[last]}
        case "unknown":
            (parent[last] if isinstance(parent[last], dict) else copy)["nonsense"] = 1
        case "rename" if isinstance(last, str):
            parent["x" + last] = parent.pop(last)
    return copy


def paths(value: Any, start: Steps = ()) -> Iterator[Steps]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*start, step)
        yield from paths(inner, (*start, step))


def rejects(resource: dict[str, Any]) -> bool:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except (ValidationError, KeyError, TypeError):  # the latter two: its answers to a wrong resourceType in contained
        return True
    return False


def disagreements(resources: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    random = Random(seed)
    mutants = [mutated(resource, random) for resource in resources for _ in range(MUTATIONS)]
    assert sum(map(rejects, mutants)) > len(mutants) / 2
    return [mutant for mutant in mutants if rejects(mutant) and not problems(mutant)]


def test_all_small_resources_are_valid_for_both() -> None:
    assert [problems(resource) for resource in SMALL] == [[]] * len(SMALL)
    assert [rejects(resource) for resource in SMALL] == [False] * len(SMALL)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_it_rejects_of_small_resources_is_rejected(seed: int) -> None:
    assert disagreements(SMALL, seed) == []


@pytest.mark.skipif(not ARCHIVE.is_file(), reason="run scripts/fetch-definitions first")
def test_whatever_it_rejects_of_official_examples_is_rejected() -> None:
    small = [json.loads(text) for text in examples(*OFFICIAL.split()).values() if len(text) < 6_000]
    assert len(small) > 250
    assert disagreements(small, seed=1) == []


@pytest.mark.parametrize("reason", DEFECTS)
def test_what_it_refuses_wrongly_is_accepted(reason: str) -> None:
    assert (rejects(DEFECTS[reason]), problems(DEFECTS[reason])) == (True, [])


@pytest.mark.parametrize("name", sorted({*OFFICIAL.split(), *(resource["resourceType"] for resource in SMALL)}))
def test_its_r4b_has_the_same_properties_as_r4(name: str) -> None:
    fields = {field.alias or own for own, field in get_fhir_model_class(name).model_fields.items()}
    theirs = {field for field in fields if not field.startswith("_") and not field.endswith("__ext")}
    ours = {e.json_name(t) for e in definitions().types[name].elements.values() for t in e.types}
    assert theirs - {"fhir_comments", "resource_type", "resourceType"} == ours
