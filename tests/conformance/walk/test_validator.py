"""The validator as a whole: any JSON value gets an answer, real data a clean one."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import definitions
from conformance.walk import CHECKED_INVARIANTS
from tests.conformance.walk.judge import found, observation, patient, problems

SHARED = Path(__file__).parents[3].parent / "shared"
decode = msgspec.json.Decoder(float_hook=Decimal).decode

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=20)
WORDS = """resourceType id meta extension url valueString contained entry resource name given _given reference text div
coding code system type status identifier fullUrl"""
property_names = st.sampled_from(WORDS.split())
names = property_names | st.text(max_size=8)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=30
)
TYPES = sorted(definitions().resource_types)


@given(json_values)
@settings(deadline=None, max_examples=200)
def test_any_json_value_is_answered_with_problems(value: Any) -> None:
    assert all(problem.diagnostics for problem in problems(value))


@given(st.sampled_from(TYPES), st.dictionaries(names, json_values, max_size=6))
@settings(deadline=None, max_examples=300)
def test_any_garbage_in_a_resource_is_answered_with_places_in_it(name: str, elements: dict[str, Any]) -> None:
    assert all(p.expression.startswith(name) for p in problems({**elements, "resourceType": name}))


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "Patient", [], [{}], {}, {"resourceType": 1}])
def test_what_is_no_resource_is_one_problem(value: Any) -> None:
    assert found(value) == [("structure", "Resource")]


@pytest.mark.parametrize("name", ["patient", "Nonsense", "DomainResource", "Resource", "HumanName", "", "__class__"])
def test_unknown_and_abstract_types_are_refused(name: str) -> None:
    assert found({"resourceType": name}) == [("structure", "Resource")]


def test_value_nested_near_the_limit_of_recursion_is_answered() -> None:
    extension: dict[str, Any] = {"url": "http://x.org/e", "valueBoolean": True}
    for _ in range(400):
        extension = {"url": "http://x.org/e", "extension": [extension]}
    assert [problem.code for problem in problems(patient(extension=[extension]))] == ["structure"]
    unknown: list[Any] = []
    for _ in range(10_000):
        unknown = [unknown]
    assert found(patient(nonsense=unknown)) == [("structure", "Patient")]
    assert found(patient(contained=[{"resourceType": "Patient", "nonsense": unknown}]))


def test_problems_are_capped_and_the_last_one_says_so() -> None:
    found_in = problems(patient(name=[{"use": "x"}] * 150))
    assert len(found_in) == 100
    assert (found_in[0].severity, found_in[-1].severity) == ("error", "information")
    assert found_in[-1].diagnostics == "51 further problems are not listed"
    assert found_in[98].expression == "Patient.name[98].use"


def test_place_of_a_problem_is_a_simple_fhirpath() -> None:
    contact = {"telecom": [{"system": "phone"}, {"system": "pigeon"}]}
    assert found(patient(contact=[{"name": {"family": "A"}}, contact])) == [
        ("code-invalid", "Patient.contact[1].telecom[1].system")
    ]
    assert found(observation(valueQuantity={"value": "1"})) == [("structure", "Observation.value.value")]


def test_invariants_decided_in_code_are_those_of_the_standard() -> None:
    assert CHECKED_INVARIANTS - definitions().invariants.keys() == set()


def test_input_is_not_altered() -> None:
    resource = observation(contained=[{"resourceType": "Patient", "id": "a"}], subject={"reference": "#a"})
    before = json.dumps(resource)
    problems(resource)
    assert json.dumps(resource) == before


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_every_synthetic_patient_record_is_valid() -> None:
    files = sorted((SHARED / "data/synthea").glob("*.json.gz"))
    resources = [entry["resource"] for file in files for entry in decode(gzip.decompress(file.read_bytes()))["entry"]]
    assert len(resources) > 10_000
    assert [problem for resource in resources for problem in problems(resource)] == []


UNDECIDED = {
    "risk-assessment-probability-range": "an invariant in FHIRPath",
    "questionnaire-enableWhen-dw": "an invariant in FHIRPath",
    "parameters-reference-bad": "whether the target of a reference exists",
    "vs-params-2": "an extension's own rules",
    "sp-diff-type": "a rule across two definitions",
    "bad-markdown-no-html": "a setting of that validator: no HTML in markdown",
    "maiden-name-extension": "an extension's context",
    "dr-example-org": "a setting of that validator: no example URLs",
    "obs-mz": "a profile's snapshot",
    "json-comments-1-yes": "a setting of that validator: comments in JSON",
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_answers_agree_with_the_reference_validator_where_the_base_definitions_decide() -> None:
    folder = SHARED / "validator"
    differing = set()
    for case in json.loads((folder / "cases.json").read_bytes()):
        try:
            is_valid = problems(decode((folder / case["file"]).read_bytes())) == []
        except msgspec.DecodeError:
            is_valid = False
        if is_valid != case["expectedValid"]:
            differing.add(case["id"])
    assert differing - UNDECIDED.keys() == set()
