"""Rules of Reference, Extension and Attachment."""

from typing import Any

import pytest

from tests.conformance.walk.judge import Found, found, observation, patient, problems

ABSOLUTE = "http://x.org/e"


@pytest.mark.parametrize(
    "reference",
    [
        "Practitioner/1",
        "Organization/1/_history/2",
        "http://x.org/fhir/Practitioner/1",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "urn:oid:1.2.3",
        "Practitioner?identifier=a|b",
        "http://x.org/not/fhir",
        "Nonsense/1",
    ],
)
def test_reference_to_an_allowed_or_untold_type_is_valid(reference: str) -> None:
    assert problems(patient(generalPractitioner=[{"reference": reference}])) == []


@pytest.mark.parametrize(
    "reference",
    ["Patient/1", "Patient/1/_history/2", "https://x.org/fhir/Patient/1", "Patient?identifier=a|b", "Device/1"],
)
def test_reference_to_another_type_is_refused(reference: str) -> None:
    assert found(patient(generalPractitioner=[{"reference": reference}])) == [
        ("structure", "Patient.generalPractitioner[0].reference")
    ]


def test_declared_type_of_a_reference_must_be_a_target_too() -> None:
    practitioner = {"type": "Practitioner", "identifier": {"value": "1"}}
    assert problems(patient(generalPractitioner=[practitioner])) == []
    assert found(patient(generalPractitioner=[practitioner | {"type": "Device"}])) == [
        ("structure", "Patient.generalPractitioner[0].type")
    ]


def test_reference_to_any_resource_takes_every_type() -> None:
    assert problems(observation(focus=[{"reference": "Device/1"}, {"reference": "Bundle/1"}])) == []


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ({"url": ABSOLUTE, "valueString": "a"}, []),
        ({"url": ABSOLUTE, "_valueString": {"extension": [{"url": ABSOLUTE, "valueCode": "a"}]}}, []),
        ({"url": ABSOLUTE, "id": "1", "valueString": "a", "_valueString": {"id": "2"}}, []),
        ({"url": ABSOLUTE, "extension": [{"url": "relative", "valueString": "a"}]}, []),
        ({"url": "urn:oid:1.2.3", "valueBoolean": True}, []),
        ({"url": ABSOLUTE}, [("invariant", "")]),
        ({"url": ABSOLUTE, "id": "1"}, [("invariant", "")]),
        ({"url": ABSOLUTE, "valueString": "a", "extension": [{"url": "b", "valueCode": "b"}]}, [("invariant", "")]),
        ({"url": ABSOLUTE, "valueString": "a", "valueCode": "a"}, [("structure", ".value")]),
        ({"valueString": "a"}, [("required", ".url")]),
        ({"url": "relative", "valueString": "a"}, [("value", ".url")]),
        ({"_url": {"id": "1"}, "valueString": "a"}, [("structure", "")]),
        ({"url": ABSOLUTE, "_id": {"id": "1"}, "valueString": "a"}, [("structure", "")]),
        ({"url": ABSOLUTE, "valueNonsense": "a"}, [("structure", "")]),
        ({"url": ABSOLUTE, "extension": []}, [("structure", ".extension")]),
    ],
)
def test_extension_has_an_absolute_url_and_a_value_or_extensions(extension: dict[str, Any], expected: Found) -> None:
    assert found(patient(extension=[extension])) == [(code, f"Patient.extension[0]{place}") for code, place in expected]


@pytest.mark.parametrize(
    ("attachment", "expected"),
    [
        ({"contentType": "text/plain", "data": "aGVsbG8=", "size": 5}, []),
        ({"contentType": "text/plain", "data": "aGVsbG8="}, []),
        ({"contentType": "text/plain", "url": "http://x.org", "size": 7}, []),
        ({"contentType": "text/plain", "data": "aGVsbG8=", "size": 8}, [("value", ".size")]),
        ({"contentType": "text/plain", "data": "aGVsbG8", "size": 5}, [("value", ".data")]),
    ],
)
def test_size_of_an_attachment_agrees_with_its_data(attachment: dict[str, Any], expected: Found) -> None:
    assert found(patient(photo=[attachment])) == [(code, f"Patient.photo[0]{place}") for code, place in expected]
