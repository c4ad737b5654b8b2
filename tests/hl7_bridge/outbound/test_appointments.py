"""Appointment → SIU."""

import pytest

from hl7_bridge.outbound import Event
from tests.hl7_bridge.outbound.scene import APPOINTMENT, er7, told, without


@pytest.mark.parametrize(
    ("event", "status", "trigger", "action"),
    [
        ("create", "booked", "S12", "A"),
        ("update", "booked", "S14", "U"),
        ("update", "cancelled", "S15", "D"),
        ("update", "noshow", "S26", ""),
        ("update", "entered-in-error", "S17", "D"),
        ("delete", "booked", "S17", "D"),
    ],
)
def test_what_happened_is_the_trigger_event(event: Event, status: str, trigger: str, action: str) -> None:
    message = told({**APPOINTMENT, "status": status}, event=event)
    assert message.header.raw(9) == f"SIU^{trigger}^SIU_S12"
    assert message.every("RGS")[0].value(2) == action


def test_time_reason_and_status_are_told() -> None:
    message = told(APPOINTMENT)
    assert er7(message, "SCH") == (
        "SCH||a1^CITY||||^new appointment|^check-up||30|min^minutes^UCUM|^^^20240410090000+0200^20240410093000+0200"
        "|||||^^^^^^^^FHIR||||^^^^^^^^FHIR|||||Booked^^HL70278"
    )
    assert er7(message, "NTE") == "NTE|1||bring the x-ray"


def test_each_participant_has_its_segment() -> None:
    message = told(APPOINTMENT)
    assert [segment.name for segment in message.segments[-5:]] == ["RGS", "AIS", "AIG", "AIL", "AIP"]
    assert er7(message, "AIS") == "AIS|1|A|11429006^Consultation^SCT|20240410090000+0200|||30|min^minutes^UCUM"
    assert er7(message, "AIG") == (
        "AIG|1|A|^MRI|^Device||||20240410090000+0200|||30|min^minutes^UCUM||Waitlist^^HL70278"
    )
    assert er7(message, "AIL") == ("AIL|1|A|Ward 7^R3|||20240410090000+0200|||30|min^minutes^UCUM||Booked^^HL70278")
    assert er7(message, "AIP") == (
        "AIP|1|A|1234567893^House^Greg^^^^^^NPI^L|||20240410090000+0200|||30|min^minutes^UCUM||Booked^^HL70278"
    )


def test_placer_and_filler_keep_their_numbers() -> None:
    kinds = "http://terminology.hl7.org/CodeSystem/v2-0203"
    numbers = [
        {"value": "P1", "type": {"coding": [{"system": kinds, "code": "PLAC"}]}},
        {"value": "F1", "system": "urn:oid:1.5", "type": {"coding": [{"system": kinds, "code": "FILL"}]}},
    ]
    (schedule,) = told({**APPOINTMENT, "identifier": numbers}).every("SCH")
    assert (schedule.raw(1), schedule.raw(2)) == ("P1^CITY", "F1^^1.5^ISO")


def test_why_it_was_cancelled_is_told() -> None:
    reason = {"coding": [{"code": "pat", "display": "Patient"}]}
    cancelled = {**APPOINTMENT, "status": "cancelled", "cancelationReason": reason}
    assert told(cancelled, event="update").every("SCH")[0].raw(6) == "pat^Patient^L"


def test_an_appointment_without_duration_says_none() -> None:
    (schedule,) = told(without(APPOINTMENT, "minutesDuration")).every("SCH")
    assert (schedule.raw(9), schedule.raw(10)) == ("", "")
