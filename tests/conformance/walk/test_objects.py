"""Properties, cardinality and choices of an object, by https://hl7.org/fhir/R4/json.html."""

from typing import Any

import pytest

from conformance import definitions
from conformance.walk.objects import MAX_DEPTH, TOO_MANY
from tests.conformance.walk.judge import found, observation, parameters, patient, problems


def test_resource_without_any_element_is_valid() -> None:
    assert problems(patient()) == []


def test_unknown_property_is_a_problem_of_the_object_that_has_it() -> None:
    assert found(patient(name=[{"family": "A", "nickname": "B"}])) == [("structure", "Patient.name[0]")]
    assert problems(patient(nickname="B"))[0].diagnostics == "Patient has no property 'nickname'"


def test_name_of_an_unknown_property_is_not_shown_when_it_may_be_data() -> None:
    assert problems(patient(**{"Jane Doe": 1}))[0].diagnostics == "Patient has no property of that name"


def test_resource_type_is_a_property_of_resources_only() -> None:
    assert found(patient(name=[{"resourceType": "HumanName", "family": "A"}])) == [("structure", "Patient.name[0]")]


@pytest.mark.parametrize("value", [None, "a", 1, True, [], ["a"]])
def test_object_is_expected_where_the_type_is_complex(value: Any) -> None:
    assert found(patient(maritalStatus=value)) == [("structure", "Patient.maritalStatus")]


def test_empty_object_is_a_problem() -> None:
    assert found(patient(maritalStatus={})) == [("structure", "Patient.maritalStatus")]
    assert found(patient(name=[{"family": "A"}, {}])) == [("structure", "Patient.name[1]")]


def test_element_with_only_an_id_breaks_ele_1() -> None:
    assert found(patient(maritalStatus={"id": "a"})) == [("invariant", "Patient.maritalStatus")]


def test_missing_required_elements_are_named() -> None:
    assert found({"resourceType": "Observation"}) == [
        ("required", "Observation.code"),
        ("required", "Observation.status"),
    ]
    assert found(patient(communication=[{"preferred": True}])) == [("required", "Patient.communication[0].language")]


def test_required_primitive_is_there_when_only_its_extension_is() -> None:
    unknown = {"extension": [{"url": "http://x.org/why", "valueCode": "unknown"}]}
    status = observation(_status=unknown)
    del status["status"]
    assert problems(status) == []


def test_choice_has_one_value() -> None:
    assert problems(patient(deceasedBoolean=False)) == []
    assert found(patient(deceasedBoolean=False, deceasedDateTime="2024")) == [("structure", "Patient.deceased")]


def test_underscore_twin_belongs_to_the_same_choice() -> None:
    twin = {"extension": [{"url": "http://x.org/e", "valueString": "a"}]}
    assert problems(patient(deceasedDateTime="2024", _deceasedDateTime=twin)) == []
    assert found(patient(deceasedBoolean=False, _deceasedDateTime=twin)) == [("structure", "Patient.deceased")]


def test_required_choice_must_be_there() -> None:
    request = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/1"},
    }
    assert found(request) == [("required", "MedicationRequest.medication")]
    assert problems(request | {"medicationReference": {"reference": "Medication/1"}}) == []


def test_choice_of_a_type_that_is_not_offered_is_an_unknown_property() -> None:
    assert found(observation(valueMoney={"value": 1})) == [("structure", "Observation")]


def test_content_reference_is_checked_as_what_it_refers_to() -> None:
    item = {"linkId": "1", "type": "group", "item": [{"linkId": "1.1", "type": "nonsense"}]}
    questionnaire = {"resourceType": "Questionnaire", "status": "active", "item": [item]}
    assert found(questionnaire) == [("code-invalid", "Questionnaire.item[0].item[0].type")]


def test_element_that_a_type_forbids_is_an_unknown_property() -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">a</div>'
    twin = {"extension": [{"url": "http://x.org/e", "valueString": "a"}]}
    text = {"status": "generated", "div": div, "_div": twin}
    assert found(patient(text=text)) == [("structure", "Patient.text.div")]


def nested(levels: int) -> dict[str, Any]:
    """Parameters of that many levels of JSON: each part is an object in an array."""
    part: dict[str, Any] = {"name": "leaf", "valueBoolean": True}
    for _ in range((levels - 3) // 2):
        part = {"name": "branch", "part": [part]}
    return parameters(part=[part]) if levels > 3 else parameters(valueBoolean=True)


def test_sixty_levels_are_valid_and_more_than_ninety_are_refused() -> None:
    assert problems(nested(61)) == []
    assert problems(nested(MAX_DEPTH - 3)) == []
    [problem] = problems(nested(MAX_DEPTH + 11))
    assert (problem.code, problem.diagnostics) == ("structure", "nested deeper than 90 levels (found level 91)")


def test_object_with_absurdly_many_properties_is_one_problem() -> None:
    assert found(patient(**{f"p{i}": i for i in range(100_000)})) == [("structure", "Patient")]


def test_no_type_has_as_many_properties_as_are_absurd() -> None:
    sizes = [sum(2 * len(e.types) for e in t.elements.values()) for t in definitions().types.values()]
    assert max(sizes) < TOO_MANY
