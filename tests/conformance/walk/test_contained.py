"""Contained resources, by https://hl7.org/fhir/R4/references.html#contained."""

from typing import Any

import pytest

from tests.conformance.walk.judge import Found, found, parameters, patient, problems


def containing(*contained: Any, reference: str | None = "#a") -> dict[str, Any]:
    managing = {} if reference is None else {"managingOrganization": {"reference": reference}}
    return patient(contained=list(contained), **managing)


def organization(identity: str | None = "a", **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", **({} if identity is None else {"id": identity}), "name": "A", **elements}


def test_contained_resource_that_is_referred_to_is_valid() -> None:
    assert problems(containing(organization())) == []


def test_contained_resource_is_checked_like_any_other() -> None:
    assert found(containing(organization(nonsense=1))) == [("structure", "Patient.contained[0]")]
    assert found(containing(organization("a_b"), reference=None))[0] == ("value", "Patient.contained[0].id")


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (containing(organization(contained=[organization("b")])), [("invariant", ".contained[0].contained")]),
        (containing(organization(meta={"versionId": "1"})), [("invariant", ".contained[0].meta")]),
        (containing(organization(meta={"lastUpdated": "2024-01-01T00:00:00Z"})), [("invariant", ".contained[0].meta")]),
        (containing(organization(meta={"security": [{"code": "R"}]})), [("invariant", ".contained[0].meta")]),
        (containing(organization(meta={"profile": ["http://x.org/p"]})), []),
        (containing(organization(), organization("b", partOf={"reference": "#"})), []),
        (containing(organization(), organization("b")), [("invariant", ".contained[1]")]),
        (containing(organization(), organization()), [("value", ".contained[0].id"), ("value", ".contained[1].id")]),
        (containing(organization(None), reference=None), [("required", ".contained[0].id")]),
        (
            containing(organization(), reference="#b"),
            [("invariant", ".managingOrganization.reference"), ("invariant", ".contained[0]")],
        ),
        (containing(organization(), organization("b", partOf={"reference": "#a"}), reference="#b"), []),
    ],
)
def test_what_a_contained_resource_must_be(resource: dict[str, Any], expected: Found) -> None:
    assert [entry for entry in found(resource) if entry[1] != "Patient.contained[0].contained[0]"] == [
        (code, f"Patient{place}") for code, place in expected
    ]


def test_canonical_may_point_to_a_contained_resource() -> None:
    value_set = {"resourceType": "ValueSet", "id": "a", "status": "active"}
    questionnaire = {
        "resourceType": "Questionnaire",
        "status": "active",
        "contained": [value_set],
        "item": [{"linkId": "1", "type": "choice", "answerValueSet": "#a"}],
    }
    assert problems(questionnaire) == []


def test_local_reference_leads_somewhere() -> None:
    dangling = patient(managingOrganization={"reference": "#a"})
    assert found(dangling) == [("invariant", "Patient.managingOrganization.reference")]
    assert found(parameters(valueReference={"reference": "#a"})) == [
        ("invariant", "Parameters.parameter[0].value.reference")
    ]


def test_resource_in_a_bundle_contains_for_itself_only() -> None:
    entries = [
        {"resource": containing(organization())},
        {"resource": patient(managingOrganization={"reference": "#a"})},
    ]
    assert found({"resourceType": "Bundle", "type": "collection", "entry": entries}) == [
        ("invariant", "Bundle.entry[1].resource.managingOrganization.reference")
    ]


def test_many_local_references_are_no_problem() -> None:
    people = [{"reference": "#a"}] * 500
    resource = {"resourceType": "Person", "contained": [{"resourceType": "Patient", "id": "a"}]}
    assert problems(resource | {"link": [{"target": target} for target in people]}) == []


@pytest.mark.parametrize("contained", [None, {}, "a", [], [None], ["a"], [{"resourceType": "Nonsense"}], [{}]])
def test_garbage_in_contained_is_a_problem(contained: Any) -> None:
    assert problems(patient(contained=contained)) != []
