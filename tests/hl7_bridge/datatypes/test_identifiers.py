import pytest

from hl7_bridge.datatypes.identifiers import entity_id, extended_id, filler_of_pair, licence, placer_of_pair
from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import field


@pytest.mark.parametrize(
    ("authority", "system"),
    [
        ("CITYHOSP&2.16.840.1.113883.19.5&ISO", "urn:oid:2.16.840.1.113883.19.5"),
        ("&6f6d9a0e-52d5-4c0e-9d0b-5d8f0c6f5a11&UUID", "urn:uuid:6f6d9a0e-52d5-4c0e-9d0b-5d8f0c6f5a11"),
        ("&https://ids.example.org/mrn&URI", "https://ids.example.org/mrn"),
        ("CITYHOSP", "urn:hl7v2:authority:CITYHOSP"),
        ("CITY HOSP&x.y&L", "urn:hl7v2:authority:CITY%20HOSP"),
        ("USSSA", "http://hl7.org/fhir/sid/us-ssn"),
        ("", "urn:hl7v2:sender:LAB%7CCLINIC:MR"),
    ],
)
def test_assigning_authority_is_the_system(context: Context, authority: str, system: str) -> None:
    found = extended_id(field(f"123^^^{authority}^MR"), context, None)
    assert found is not None
    assert found["system"] == system


def test_identifier_has_type_value_assigner_and_period(context: Context) -> None:
    assert extended_id(field("123^4^M11^CITYHOSP^MR^University Hospital^20200101"), context, None) == {
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
        "system": "urn:hl7v2:authority:CITYHOSP",
        "value": "123",
        "period": {"start": "2020-01-01"},
        "assigner": {"display": "University Hospital"},
    }


def test_social_security_number_without_authority_is_one(context: Context) -> None:
    found = extended_id(field("123456789^^^^SS"), context, None)
    assert found is not None
    assert found["system"] == "http://hl7.org/fhir/sid/us-ssn"


def test_identifier_without_value_is_none(context: Context) -> None:
    assert extended_id(field("^^^CITYHOSP^MR"), context, None) is None


def test_numbers_of_placer_and_filler_without_authority_differ_in_system(context: Context) -> None:
    placer = entity_id(field("1"), context, context.sender.tables["identifier-PLAC"])
    filler = entity_id(field("1"), context, context.sender.tables["identifier-FILL"])
    assert placer is not None
    assert filler is not None
    assert placer["system"] != filler["system"]
    assert filler["type"]["coding"][0]["code"] == "FILL"


def test_entity_that_is_a_universal_id_only_is_a_uri(context: Context) -> None:
    assert entity_id(field("^^1.2.3.4^ISO"), context, None) == {
        "system": "urn:ietf:rfc:3986",
        "value": "urn:oid:1.2.3.4",
    }


def test_pair_has_a_placer_and_a_filler(context: Context) -> None:
    pair = field("P1&LAB^F1&LAB2")
    placer, filler = placer_of_pair(pair, context, None), filler_of_pair(pair, context, None)
    assert placer is not None
    assert filler is not None
    assert (placer["system"], placer["value"]) == ("urn:hl7v2:authority:LAB", "P1")
    assert (filler["system"], filler["value"]) == ("urn:hl7v2:authority:LAB2", "F1")


def test_state_of_a_licence_with_spaces_makes_a_uri(context: Context) -> None:
    found = licence(field("T1^NEW YORK"), context, None)
    assert found is not None
    assert found["system"].endswith(":NEW%20YORK")
