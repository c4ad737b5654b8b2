"""Names of authorities and code systems."""

import pytest

from hl7_bridge.outbound import Partner

PARTNER = Partner(
    sender=("FHIR", "CITY"), authorities={"http://a.example": "AX"}, coding_systems={"http://c.example": "CX"}
)


@pytest.mark.parametrize(
    ("system", "authority"),
    [
        ("http://a.example", ("AX", "", "")),
        ("http://hl7.org/fhir/sid/us-npi", ("NPI", "", "")),
        ("urn:hl7v2:authority:TOWN%20HALL", ("TOWN HALL", "", "")),
        ("urn:oid:1.2.3", ("", "1.2.3", "ISO")),
        ("urn:uuid:3f2504e0-4f89-11d3-9a0c-0305e82c3301", ("", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "UUID")),
        ("http://b.example", ("", "http://b.example", "URI")),
        ("urn:hl7v2:sender:X:PLAC", ("CITY", "", "")),
        (None, ("CITY", "", "")),
    ],
)
def test_a_system_of_identifiers_is_an_authority(system: str | None, authority: tuple[str, str, str]) -> None:
    assert PARTNER.authority(system) == authority


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("http://c.example", "CX"),
        ("http://loinc.org", "LN"),
        ("http://snomed.info/sct", "SCT"),
        ("http://unitsofmeasure.org", "UCUM"),
        ("http://terminology.hl7.org/CodeSystem/v2-0203", "HL70203"),
        ("urn:hl7v2:codes:LAB:HOUSE%20CODES", "HOUSE CODES"),
        ("urn:oid:1.2.3", "1.2.3"),
        ("http://d.example", "http://d.example"),
        (None, "L"),
    ],
)
def test_a_code_system_has_its_name(system: str | None, name: str) -> None:
    assert PARTNER.coding_system(system) == name
