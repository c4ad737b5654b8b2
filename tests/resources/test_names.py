"""fhir_server.resources.names: what links inside of a transaction stand for."""

import pytest

from fhir_server.resources.names import replacement

URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
NAMES = {URN: "Patient/1", "http://a.example/fhir/Patient/x": "Patient/2"}


@pytest.mark.parametrize(
    ("full_url", "link", "expected"),
    [
        (None, URN, "Patient/1"),
        (None, URN + "#part", "Patient/1#part"),
        (None, "http://a.example/fhir/Patient/x", "Patient/2"),
        ("http://a.example/fhir/Observation/o", "Patient/x", "Patient/2"),
        ("http://b.example/fhir/Observation/o", "Patient/x", None),
        (URN, "Patient/x", None),
        (None, "#part", None),
        (None, "http://loinc.org", None),
        (None, "", None),
    ],
)
def test_links_are_replaced_by_what_they_name(full_url: str | None, link: str, expected: str | None) -> None:
    assert expected == replacement(NAMES, full_url, set())(link)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("Patient?identifier=urn:x|1", {"Patient?identifier=urn:x|1"}),
        (
            "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1",
            {"Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"},
        ),
        ("Patient/1", set()),
        ("Patient?", set()),
        ("http://a.example/Patient?identifier=1", set()),
    ],
)
def test_conditional_references_are_left_and_collected(link: str, expected: set[str]) -> None:
    collected: set[str] = set()
    assert None is replacement(NAMES, None, collected)(link)
    assert expected == collected
