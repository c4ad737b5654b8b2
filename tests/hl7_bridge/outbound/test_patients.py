"""Patient → ADT, and PID and PV1 of every message."""

import pytest

from hl7_bridge.outbound import Event, OutboundError
from tests.hl7_bridge.outbound.scene import APPOINTMENT, ORDER, PATIENT, VISIT, er7, report, told, without


@pytest.mark.parametrize(
    ("event", "nine"),
    [("create", "ADT^A28^ADT_A05"), ("update", "ADT^A31^ADT_A05"), ("delete", "ADT^A29^ADT_A21")],
)
def test_what_happened_to_a_patient_is_the_trigger_event(event: Event, nine: str) -> None:
    message = told(PATIENT, event=event)
    assert message.header.raw(9) == nine
    assert er7(message, "EVN") == f"EVN|{message.trigger}|20240305120000+0000"
    assert er7(message, "PV1") == "PV1|1|N"


def test_a_patient_that_another_one_has_replaced_is_merged_into_it() -> None:
    old = {
        "resourceType": "Patient",
        "id": "p0",
        "active": False,
        "identifier": [{"system": "urn:oid:1.2.36.146", "value": "1"}],
        "name": [{"family": "Lind"}],
        "link": [{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}],
    }
    message = told(old, event="update")
    assert message.header.raw(9) == "ADT^A40^ADT_A39"
    assert message.every("PID")[0].value(3) == "778899"
    assert er7(message, "MRG") == "MRG|1^^^&1.2.36.146&ISO||||||Lind^^^^^^L"
    assert told(old, event="delete").trigger == "A29"


def test_the_header_names_both_sides() -> None:
    assert er7(told(PATIENT), "MSH") == (
        "MSH|^~\\&|FHIR|CITY|LAB|NORTH|20240305120000+0000||ADT^A28^ADT_A05|C1|P|2.5.1||||||UNICODE UTF-8"
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (3, "778899^^^&1.2.36.146&ISO^MR~123-45-6789^^^USSSA"),
        (5, "Berg \\T\\ Söhne^Eva^Maria^^Dr^^L~Lind^^^^^^M"),
        (7, "197904"),
        (8, "F"),
        (11, "4 Birch Rd^c/o Lind^Uppsala^^75310^^H"),
        (
            13,
            "+46 18 555^PRN^PH^^^^^^^^^+46 18 555~^NET^Internet^eva@example.org~070 1^PRN^CP^^^^^^^^^070 1",
        ),
        (14, "+46 8 1^WPN^PH^^^^^^^^^+46 8 1"),
        (15, "sv^^ISO639"),
        (16, "M^^HL70002"),
        (24, "Y"),
        (25, "2"),
        (30, "N"),
    ],
)
def test_an_element_of_the_patient_stands_in_its_field(field: int, expected: str) -> None:
    assert told(PATIENT).every("PID")[0].raw(field) == expected


def test_contacts_are_next_of_kin() -> None:
    assert er7(told(PATIENT), "NK1") == ("NK1|1|Berg^Erik^^^^^L|SPO^^HL70063||+46 18 556^PRN^PH^^^^^^^^^+46 18 556")


def test_who_cares_for_the_patient_is_told() -> None:
    assert er7(told(PATIENT), "PD1") == ("PD1|||Healthfund^^^^^NAIC^^^^PAY01|1234567893^House^Greg^^^^^^NPI^L")


def test_a_patient_without_identifiers_is_known_by_its_id() -> None:
    assert told(without(PATIENT, "identifier")).every("PID")[0].raw(3) == "p1^^^CITY^PI"


def test_a_patient_who_died_is_told_with_the_time() -> None:
    person = {**without(PATIENT, "deceasedBoolean"), "deceasedDateTime": "2024-02-01T03:04:00Z"}
    (segment,) = told(person).every("PID")
    assert (segment.value(29), segment.value(30)) == ("20240201030400+0000", "Y")


def test_extensions_of_the_patient_are_told() -> None:
    url = "http://hl7.org/fhir/StructureDefinition/patient-"
    extensions = [
        {"url": f"{url}mothersMaidenName", "valueString": "Ek"},
        {"url": f"{url}birthPlace", "valueAddress": {"text": "Lund"}},
    ]
    (segment,) = told({**PATIENT, "extension": extensions}).every("PID")
    assert (segment.value(6), segment.value(23)) == ("Ek", "Lund")


def test_a_visit_is_told_with_its_place_and_people() -> None:
    assert er7(told(ORDER), "PV1") == (
        "PV1|1|I|Ward 7^R3||||1234567893^House^Greg^^^^^^NPI^L||||||||||||V1^^^CITY^VN|||||||||||||||||||||||||"
        "20240301080000+0000"
    )


def test_the_active_place_of_a_visit_is_the_one_that_is_told() -> None:
    moved = [
        {"status": "completed", "location": {"display": "Old"}},
        {"status": "active", "location": {"display": "New"}},
    ]
    assert told(ORDER, {**VISIT, "location": moved}).every("PV1")[0].value(3) == "New"


@pytest.mark.parametrize(
    ("resource", "expression"),
    [
        (without(ORDER, "subject"), "ServiceRequest.subject"),
        (report(subject={"reference": "Patient/away"}), "DiagnosticReport.subject"),
        (report(subject={"reference": "Practitioner/d1"}), "DiagnosticReport.subject"),
        ({**APPOINTMENT, "participant": []}, "Appointment.participant"),
    ],
)
def test_a_message_without_known_patient_is_not_made(resource: dict[str, object], expression: str) -> None:
    with pytest.raises(OutboundError) as caught:
        told(resource)
    assert caught.value.expression == expression
