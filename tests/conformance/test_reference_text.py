"""Literal references taken apart."""

import pytest

from conformance.reference_text import ReferenceText, reference_type, split_reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", ReferenceText("Patient", "1")),
        ("Patient/a-b.C/_history/2", ReferenceText("Patient", "a-b.C", None, "2")),
        ("http://x.org/fhir/Patient/1", ReferenceText("Patient", "1", "http://x.org/fhir")),
        ("https://x.org/Patient/fhir/Group/1#part", ReferenceText("Group", "1", "https://x.org/Patient/fhir")),
    ],
)
def test_literal_references_have_parts(text: str, expected: ReferenceText) -> None:
    assert (split_reference(text), reference_type(text)) == (expected, expected.type)


@pytest.mark.parametrize(
    "text",
    ["", "#p1", "urn:uuid:0c5a", "Patient", "Patient/", "Patient?identifier=1", "patient/1", "Patient/1/2", "a b/1"],
)
def test_other_references_have_none(text: str) -> None:
    assert (split_reference(text), reference_type(text)) == (None, None)
