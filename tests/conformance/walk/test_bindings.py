"""Required bindings, by https://hl7.org/fhir/R4/terminologies.html#required."""

from typing import Any

import pytest

from tests.conformance.walk.judge import found, patient, problems

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def condition(*codings: dict[str, Any], **concept: Any) -> dict[str, Any]:
    status = {"coding": list(codings), **concept} if codings else concept
    return {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "clinicalStatus": status}


def test_code_must_be_from_the_value_set() -> None:
    assert problems(patient(gender="female")) == []
    [problem] = problems(patient(gender="F"))
    assert (problem.code, problem.expression) == ("code-invalid", "Patient.gender")
    assert problem.diagnostics == (
        "'F' is not in the required value set http://hl7.org/fhir/ValueSet/administrative-gender"
    )


def test_case_of_a_code_matters() -> None:
    assert found(patient(gender="Female")) == [("code-invalid", "Patient.gender")]


def test_long_code_is_cut_and_an_unlikely_one_is_not_shown() -> None:
    [cut] = problems(patient(gender="x" * 1000))
    [hidden] = problems(patient(gender="Jane Doe"))
    assert cut.diagnostics.startswith(f"'{'x' * 60}…' is not in")
    assert hidden.diagnostics.startswith("the code is not in")


@pytest.mark.parametrize("value", [1, None, ["female"], {}, True])
def test_code_of_another_json_type_is_refused(value: Any) -> None:
    assert found(patient(gender=value)) == [("structure", "Patient.gender")]


def test_one_coding_of_a_concept_must_be_from_the_value_set() -> None:
    good, foreign = {"system": CLINICAL, "code": "active"}, {"system": "http://x.org", "code": "active"}
    assert problems(condition(good)) == []
    assert problems(condition(foreign, good)) == []
    assert found(condition(foreign)) == [("code-invalid", "Condition.clinicalStatus")]
    assert found(condition({"code": "active"})) == [("code-invalid", "Condition.clinicalStatus")]
    assert found(condition({"system": CLINICAL, "code": "fine"})) == [("code-invalid", "Condition.clinicalStatus")]
    assert found(condition({"system": CLINICAL})) == [("code-invalid", "Condition.clinicalStatus")]


def test_concept_of_text_alone_is_left_to_profiles() -> None:
    assert problems(condition(text="active")) == []


def test_value_set_that_lies_outside_the_standard_is_not_checked() -> None:
    assert problems(patient(photo=[{"contentType": "image/x-anything"}])) == []


@pytest.mark.parametrize(("code", "is_valid"), [("EUR", True), ("eur", False), ("EURO", False), ("€", False)])
def test_currency_has_the_form_of_iso_4217(code: str, is_valid: bool) -> None:
    invoice = {"resourceType": "Invoice", "status": "draft", "totalNet": {"value": 1, "currency": code}}
    assert found(invoice) == ([] if is_valid else [("code-invalid", "Invoice.totalNet.currency")])
