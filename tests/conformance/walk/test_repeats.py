"""Arrays and the twins of primitives, by https://hl7.org/fhir/R4/json.html#primitive."""

from typing import Any

import pytest

from tests.conformance.walk.judge import Found, found, patient, problems

NOTE = {"extension": [{"url": "http://x.org/e", "valueString": "a"}]}


@pytest.mark.parametrize("value", [None, {}, {"family": "A"}, "A", []])
def test_array_is_expected_where_an_element_may_repeat(value: Any) -> None:
    assert found(patient(name=value)) == [("structure", "Patient.name")]


@pytest.mark.parametrize("value", [None, {}, "A", []])
def test_array_is_expected_where_a_primitive_may_repeat(value: Any) -> None:
    assert found(patient(name=[{"given": value}])) == [("structure", "Patient.name[0].given")]


def test_array_is_refused_where_an_element_does_not_repeat() -> None:
    assert found(patient(maritalStatus=[{"text": "a"}])) == [("structure", "Patient.maritalStatus")]
    assert found(patient(birthDate=["2024"])) == [("structure", "Patient.birthDate")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ({"given": ["A", "B"], "_given": [None, NOTE]}, []),
        ({"given": ["A", None], "_given": [None, NOTE]}, []),
        ({"given": ["A", "B"], "_given": [NOTE]}, []),
        ({"given": ["A"], "_given": [None, NOTE]}, []),
        ({"_given": [NOTE]}, []),
        ({"given": ["A", None]}, [("structure", "given[1]")]),
        ({"given": [None], "_given": [None]}, [("structure", "given[0]"), ("structure", "given[0]")]),
        ({"given": ["A", None], "_given": [NOTE]}, [("structure", "given[1]")]),
        ({"given": ["A"], "_given": [None, None]}, [("structure", "given[1]")]),
        ({"given": ["A"], "_given": NOTE}, [("structure", "given")]),
        ({"given": ["A"], "_given": []}, [("structure", "given")]),
        ({"given": ["A"], "_given": [{}]}, [("structure", "given[0]")]),
        ({"given": ["A"], "_given": [{"id": "a"}]}, []),
        ({"_given": [{"id": "a"}]}, [("invariant", "given[0]")]),
        ({"given": ["A", 1, ""]}, [("structure", "given[1]"), ("value", "given[2]")]),
    ],
)
def test_values_and_twins_are_aligned_by_nulls(name: dict[str, Any], expected: Found) -> None:
    assert found(patient(name=[name])) == [(code, f"Patient.name[0].{place}") for code, place in expected]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"birthDate": "2024", "_birthDate": NOTE}, []),
        ({"_birthDate": NOTE}, []),
        ({"birthDate": "2024", "_birthDate": {"id": "a"}}, []),
        ({"_birthDate": {"id": "a"}}, [("invariant", "Patient.birthDate")]),
        (
            {"birthDate": "2024", "_birthDate": {"id": 1}},
            [("structure", "Patient.birthDate.id"), ("invariant", "Patient.birthDate")],
        ),
        ({"birthDate": "2024", "_birthDate": {}}, [("structure", "Patient.birthDate")]),
        ({"birthDate": "2024", "_birthDate": None}, [("structure", "Patient.birthDate")]),
        ({"birthDate": "2024", "_birthDate": {"value": "2024"}}, [("structure", "Patient.birthDate")]),
        ({"birthDate": None, "_birthDate": NOTE}, [("structure", "Patient.birthDate")]),
        ({"maritalStatus": {"text": "a"}, "_maritalStatus": NOTE}, [("structure", "Patient")]),
    ],
)
def test_twin_of_a_single_primitive_is_an_element(elements: dict[str, Any], expected: Found) -> None:
    assert found(patient(**elements)) == expected


def test_long_valid_array_of_nulls_does_not_hide_what_follows() -> None:
    count = 20_000
    name = {"given": [None] * count + [1], "_given": [NOTE] * count}
    assert found(patient(name=[name])) == [("structure", f"Patient.name[0].given[{count}]")]


def test_problems_of_a_long_array_are_cut() -> None:
    found_in = problems(patient(name=[{}] * 50_000))
    assert len(found_in) == 100
    assert found_in[-1].diagnostics == "9903 further problems are not listed"
    assert len(problems(patient(name=[{"given": [1] * 50_000, "_given": [1] * 50_000}]))) == 100
