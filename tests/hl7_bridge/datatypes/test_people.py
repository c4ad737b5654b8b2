from typing import Any

from hl7_bridge.datatypes.people import (
    coded_location,
    coded_organization,
    device,
    location,
    named_practitioner,
    observer,
    organization,
    practitioner,
)
from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import context as made
from tests.hl7_bridge.datatypes.fields import field


def entry(context: Context, reference: dict[str, Any] | None) -> dict[str, Any]:
    """The resource that a reference leads to."""
    assert reference is not None
    return next(one.resource for one in context.drafts if one.full_url == reference["reference"])


def test_person_with_id_is_a_practitioner_with_identifier_and_name() -> None:
    context = made()
    reference = practitioner(field("123^SMITH^ADAM^^^DR^MD^^NPI"), context, None)
    found = entry(context, reference)
    assert found["identifier"] == [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "123"}]
    assert found["name"] == [{"family": "SMITH", "given": ["ADAM"], "prefix": ["DR"], "suffix": ["MD"]}]
    assert reference is not None
    assert reference["display"] == "DR ADAM SMITH MD"


def test_same_person_twice_is_one_entry_that_is_made_only_to_be_referred_to() -> None:
    context = made()
    first = practitioner(field("123^SMITH^^^^^^^LAB"), context, None)
    second = practitioner(field("123^SMITH^ADAM^^^^^^LAB"), context, None)
    assert first is not None
    assert second is not None
    assert first["reference"] == second["reference"]
    assert [draft.intent for draft in context.drafts] == ["reference"]


def test_person_without_id_is_known_by_the_name() -> None:
    one, other = made(), made()
    for context in (one, other):
        named_practitioner(field("Smith^Adam"), context, None)
    assert one.drafts[0].key == other.drafts[0].key is not None


def test_name_with_id_within_a_component() -> None:
    context = made()
    found = entry(context, observer(field("444-44&HIPPOCRATES&HOWARD&H"), context, None))
    assert found["name"][0]["family"] == "HIPPOCRATES"


def test_organization_has_name_and_identifier() -> None:
    context = made()
    found = entry(context, organization(field("Central Lab^L^33^^^CLIA^XX"), context, None))
    assert found["name"] == "Central Lab"
    assert found["identifier"][0]["system"] == "urn:hl7v2:authority:CLIA"


def test_coded_organization_without_system_is_the_senders() -> None:
    context = made()
    found = entry(context, coded_organization(field("15^Lab 15"), context, None))
    assert found["identifier"] == [{"system": "urn:hl7v2:sender:LAB%7CCLINIC", "value": "15"}]


def test_place_is_its_innermost_part_within_the_others() -> None:
    context = made()
    found = entry(context, location(field("WEST^12^A^CITYHOSP"), context, None))
    assert found["name"] == "CITYHOSP WEST 12 A"
    assert found["physicalType"]["coding"][0]["code"] == "bd"


def test_another_bed_is_another_place() -> None:
    context = made()
    first, second = (location(field(f"WEST^12^{bed}"), context, None) for bed in "AB")
    assert first != second


def test_empty_fields_refer_to_nothing() -> None:
    context = made()
    for convert in (practitioner, named_practitioner, observer, organization, location, coded_location, device):
        assert convert(field("^^"), context, None) is None
    assert context.drafts == []


def test_device_and_coded_place_are_entries() -> None:
    context = made()
    assert entry(context, device(field("EI12^LAB"), context, None))["resourceType"] == "Device"
    assert entry(context, coded_location(field("HOME^Nursing home"), context, None))["name"] == "Nursing home"


def test_one_number_for_two_names_is_two_entries_with_a_note() -> None:
    context = made()
    first, second, again = (
        practitioner(field(f"123^{name}"), context, None) for name in ("SMITH", "JONES", "Jones^ANN")
    )
    assert first != second
    assert second is not None
    assert again is not None
    assert second["reference"] == again["reference"]
    assert len({draft.key for draft in context.drafts}) == 2
    assert [note.place for note in context.notes] == ["Practitioner", "Practitioner"]
