from typing import Any

import pytest

from hl7_bridge.actions import Book
from hl7_bridge.mapping.errors import ConversionError
from tests.hl7_bridge.maps.converted import PATIENT, Converted, codes, convert

SCH = "SCH|A-5^EHR|F-9^PLAN||||{reason}|CHECKUP^Check-up^HL70276|NORMAL^Normal^HL70277|45|min|{timing}{rest}"
TIMED = "^^^20240410090000+0200^20240410094500+0200"
STATUS = "|" * 14


def appointment(
    *segments: str, event: str = "S12", timing: str = TIMED, status: str = "", reason: str = ""
) -> Converted:
    schedule = SCH.format(timing=timing, rest=STATUS + status if status else "", reason=reason)
    return convert(f"SIU^{event}^SIU_S12", schedule, *segments)


def of(found: Converted) -> dict[str, Any]:
    return found.one("Appointment")


def participants(found: Converted, type_: str) -> list[dict[str, Any]]:
    """The participants of a type, each with its resource as `resource`."""
    all_ = [{**one, "resource": found.referred(one["actor"])} for one in of(found)["participant"] if "actor" in one]
    return [one for one in all_ if one["resource"]["resourceType"] == type_]


def test_new_appointment_is_booked_with_its_time_and_reason() -> None:
    found = of(appointment(PATIENT))
    assert found["status"] == "booked"
    assert found["start"] == "2024-04-10T09:00:00+02:00"
    assert found["end"] == "2024-04-10T09:45:00+02:00"
    assert found["minutesDuration"] == 45
    assert codes(found["reasonCode"][0]) == ["CHECKUP"]
    assert codes(found["appointmentType"]) == ["NORMAL"]


def test_appointment_is_found_again_by_the_number_of_the_filler() -> None:
    entry = appointment(PATIENT).entry("Appointment", "F-9")
    assert entry.key == "identifier=urn:hl7v2:authority:PLAN|F-9"
    assert entry.intent == "upsert"


def test_placer_and_filler_numbers_without_authority_do_not_share_a_system() -> None:
    found = convert("SIU^S12^SIU_S12", f"SCH|7|7|||||||30|min|{TIMED}", PATIENT).one("Appointment")
    placer, filler = found["identifier"]
    assert placer["value"] == filler["value"] == "7"
    assert placer["system"] != filler["system"]


def test_patient_takes_part() -> None:
    (patient,) = participants(appointment(PATIENT), "Patient")
    assert patient["status"] == "accepted"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("S12", "booked"), ("S13", "booked"), ("S14", "booked"), ("S15", "cancelled"), ("S16", "cancelled"),
        ("S17", "entered-in-error"), ("S26", "noshow"),
    ],
)  # fmt: skip
def test_event_says_what_became_of_the_appointment(event: str, status: str) -> None:
    assert of(appointment(PATIENT, event=event))["status"] == status


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("Pending", "pending"),
        ("Waitlist", "waitlist"),
        ("Started", "checked-in"),
        ("Complete", "fulfilled"),
        ("Proposed", "proposed"),
        ("Checked-In", "checked-in"),
        ("COMPLETED", "fulfilled"),
        ("No-Show", "noshow"),
    ],
)
def test_filler_status_is_the_status_of_the_appointment(code: str, status: str) -> None:
    assert of(appointment(PATIENT, status=code))["status"] == status


def test_cancelled_appointment_stays_cancelled_when_the_schedule_still_says_booked() -> None:
    assert of(appointment(PATIENT, event="S15", status="Booked"))["status"] == "cancelled"


def test_modification_without_status_leaves_the_stored_status_alone() -> None:
    entry = appointment(PATIENT, event="S14").entry("Appointment", "F-9")
    assert entry.merge["status"] == "keep"


def test_reason_of_a_cancellation_is_kept_as_such() -> None:
    found = of(appointment(PATIENT, event="S15", reason="ILL^Patient is ill^L"))
    assert found["cancelationReason"]["text"] == "Patient is ill"


def test_reason_of_a_new_appointment_is_no_reason_of_cancellation() -> None:
    found = appointment(PATIENT, reason="ADD^Added^L")
    assert "cancelationReason" not in of(found)
    assert found.one("Provenance")["reason"][0]["text"] == "Added"


def test_who_entered_the_appointment_is_recorded() -> None:
    found = convert("SIU^S12^SIU_S12", f"SCH|A-5^EHR|F-9^PLAN|||||||45|min|{TIMED}" + "|" * 9 + "20^ENTER^EVE", PATIENT)
    agents = {codes(one["type"])[0]: one["who"] for one in found.one("Provenance")["agent"]}
    assert found.referred(agents["enterer"])["name"][0]["family"] == "ENTER"


def test_time_of_tq1_wins_over_that_of_sch() -> None:
    found = of(appointment("TQ1|1||||||20240411100000+0200|20240411104500+0200", PATIENT))
    assert (found["start"], found["end"]) == ("2024-04-11T10:00:00+02:00", "2024-04-11T10:45:00+02:00")


def test_end_follows_from_the_duration() -> None:
    assert of(appointment(PATIENT, timing="^^^20240410090000+0200"))["end"] == "2024-04-10T09:45:00+02:00"


def test_duration_in_hours_becomes_minutes() -> None:
    found = convert("SIU^S12^SIU_S12", "SCH|1|2|||||||1.5|hr|^^^20240410090000+0200", PATIENT).one("Appointment")
    assert found["minutesDuration"] == 90
    assert found["end"] == "2024-04-10T10:30:00+02:00"


def test_service_tells_the_time_where_sch_does_not() -> None:
    found = of(appointment(PATIENT, "RGS|1", "AIS|1||99213^Visit^C4|20240410080000+0200|||20|min", timing=""))
    assert found["start"] == "2024-04-10T08:00:00+02:00"
    assert codes(found["serviceType"][0]) == ["99213"]


def test_appointment_without_time_is_proposed() -> None:
    found = of(appointment(PATIENT, timing=""))
    assert found["status"] == "proposed"
    assert "end" not in found


def test_time_without_offset_is_read_in_the_zone_of_the_sender() -> None:
    assert of(appointment(PATIENT, timing="^^^20240710090000"))["start"] == "2024-07-10T09:00:00+02:00"


def test_personnel_takes_part_with_role_and_time() -> None:
    found = appointment(PATIENT, "RGS|1", "AIP|1||55^HOUSE^GREG|GP^Physician^L||20240410091000+0200|||10|min|||Booked")
    (person,) = participants(found, "Practitioner")
    assert person["resource"]["name"][0]["family"] == "HOUSE"
    assert codes(person["type"][0]) == ["GP"]
    assert person["period"] == {"start": "2024-04-10T09:10:00+02:00", "end": "2024-04-10T09:20:00+02:00"}
    assert person["status"] == "accepted"


def test_offset_of_a_resource_counts_from_the_start_of_the_appointment() -> None:
    found = appointment(PATIENT, "RGS|1", "AIP|1||55^HOUSE^GREG||||15|min|10|min")
    (person,) = participants(found, "Practitioner")
    assert person["period"] == {"start": "2024-04-10T09:15:00+02:00", "end": "2024-04-10T09:25:00+02:00"}


def test_room_takes_part_as_location() -> None:
    (room,) = participants(appointment(PATIENT, "RGS|1", "AIL|1||OPD^R12^^CITYHOSP"), "Location")
    assert room["resource"]["name"] == "CITYHOSP OPD R12"


def test_equipment_takes_part_as_device() -> None:
    (machine,) = participants(
        appointment(PATIENT, "RGS|1", "AIG|1||X1^X-ray machine^L|EQ^Imaging equipment^L"), "Device"
    )
    assert machine["resource"]["deviceName"][0]["name"] == "X-ray machine"


def test_general_resource_that_is_a_room_takes_part_as_location() -> None:
    (room,) = participants(appointment(PATIENT, "RGS|1", "AIG|1||R7^Theatre 7^L|ROOM^Room^L"), "Location")
    assert room["resource"]["name"] == "Theatre 7"


def test_resource_that_is_taken_away_declines() -> None:
    (person,) = participants(appointment(PATIENT, "RGS|1", "AIP|1|D|55^HOUSE^GREG", event="S14"), "Practitioner")
    assert person["status"] == "declined"


def test_service_that_is_taken_away_is_none_of_the_appointment() -> None:
    assert "serviceType" not in of(appointment(PATIENT, "RGS|1", "AIS|1|D|99213^Visit^C4", event="S14"))


def test_notes_of_all_parts_become_the_comment() -> None:
    notes = (
        "NTE|1||Bring a card",
        PATIENT,
        "RGS|1",
        "AIS|1||99213^Visit^C4",
        "NTE|1||Do not eat",
        "NTE|2||Drink water",
    )
    assert of(appointment(*notes))["comment"] == "Bring a card\nDo not eat\nDrink water"


def test_order_numbers_refer_to_the_order() -> None:
    orders = "|" * 15 + "PL-1^EHR|FI-1^LAB"
    found = convert("SIU^S12^SIU_S12", f"SCH|A-5^EHR|F-9^PLAN|||||||45|min|{TIMED}{orders}", PATIENT)
    assert [found.referred(one)["identifier"][0]["value"] for one in of(found)["basedOn"]] == ["PL-1", "FI-1"]
    assert found.entry("ServiceRequest", "PL-1").intent == "reference"


def test_visit_belongs_to_the_appointment() -> None:
    found = appointment(PATIENT, "PV1|1|O|OPD^R1" + "|" * 16 + "V9^^^CITYHOSP^VN")
    visit = found.identified("Encounter", "V9")
    assert found.referred(visit["appointment"][0])["resourceType"] == "Appointment"


def test_contacts_of_placer_and_filler_take_part() -> None:
    people = "|12^ADAMS^ANN||||14^FROST^FAY||||20^ENTER^EVE"
    found = convert("SIU^S12^SIU_S12", f"SCH|A-5^EHR|F-9^PLAN|||||||45|min|{TIMED}{people}", PATIENT)
    persons = participants(found, "Practitioner")
    assert [one["resource"]["name"][0]["family"] for one in persons] == ["ADAMS", "FROST", "ENTER"]
    assert codes(persons[2]["type"][0]) == ["enterer"]


def test_reason_with_a_code_of_types_is_the_type() -> None:
    found = convert("SIU^S12^SIU_S12", f"SCH|1|2|||||TENTATIVE^Tentative^HL70277||30|min|{TIMED}", PATIENT)
    assert codes(of(found)["appointmentType"]) == ["TENTATIVE"]
    assert "reasonCode" not in of(found)


def test_status_of_the_service_holds_where_the_schedule_has_none() -> None:
    found = appointment(PATIENT, "RGS|1", "AIS|1||99213^Visit^C4|||||||Pending")
    assert of(found)["status"] == "pending"


def booked(found: Converted) -> list[str]:
    """The types of what a message books."""
    by_url = {one.full_url: one.resource["resourceType"] for one in found.conversion.entries}
    return [by_url[actor] for action in found.conversion.actions if isinstance(action, Book) for actor in action.actors]


RESOURCES = ("RGS|1", "AIP|1||55^HOUSE^GREG", "AIL|1||OPD^R12^^CITYHOSP", "AIG|1||X1^X-ray machine^L|EQ^Equipment^L")


@pytest.mark.parametrize("event", ["S12", "S13", "S14"])
def test_people_rooms_and_things_are_booked(event: str) -> None:
    assert booked(appointment(PATIENT, *RESOURCES, event=event)) == ["Practitioner", "Location", "Device"]


@pytest.mark.parametrize("event", ["S15", "S16", "S17", "S26"])
def test_appointment_that_is_over_books_nothing(event: str) -> None:
    assert booked(appointment(PATIENT, *RESOURCES, event=event)) == []


@pytest.mark.parametrize(("segments", "rule"), [((), "keep"), (("RGS|1|D", "AIP|1|D|55^HOUSE^GREG"), None)])
def test_message_without_staff_and_rooms_leaves_those_of_the_appointment(
    segments: tuple[str, ...], rule: str | None
) -> None:
    found = appointment(PATIENT, *segments, event="S15")
    assert found.entry("Appointment", "A-5").merge.get("participant") == rule


def test_clinic_takes_many_at_a_time() -> None:
    assert booked(appointment(PATIENT, "RGS|1", "AIL|1||OPD^^^CITYHOSP")) == []


def test_overbooking_asks_nobody() -> None:
    assert booked(appointment(PATIENT, *RESOURCES, status="Overbook")) == []


def test_resource_that_is_taken_away_is_not_booked() -> None:
    assert booked(appointment(PATIENT, "RGS|1", "AIP|1|D|55^HOUSE^GREG", event="S14")) == []


def test_messages_that_book_the_same_room_wait_for_each_other() -> None:
    found = appointment(PATIENT, "RGS|1", "AIL|1||OPD^R12^^CITYHOSP")
    (room,) = (one for one in found.conversion.entries if one.resource["resourceType"] == "Location")
    assert room.key in found.conversion.patient_keys


def test_length_of_an_old_schedule_is_the_duration() -> None:
    found = convert("SIU^S12^SIU_S12", "SCH|1|2|||||||||^^M20^20240410090000+0200", PATIENT).one("Appointment")
    assert found["minutesDuration"] == 20
    assert found["end"] == "2024-04-10T09:20:00+02:00"


def test_start_without_any_length_is_also_the_end() -> None:
    found = convert("SIU^S12^SIU_S12", "SCH|1|2|||||||||^^^20240410090000+0200", PATIENT).one("Appointment")
    assert found["end"] == found["start"]


def test_service_tells_the_end_where_sch_does_not() -> None:
    service = "AIS|1||99213^Visit^C4|20240410090000+0200|||20|min"
    found = convert("SIU^S12^SIU_S12", "SCH|1|2|||||||||^^^20240410090000+0200", PATIENT, "RGS|1", service)
    assert of(found)["end"] == "2024-04-10T09:20:00+02:00"


def test_timing_without_a_start_changes_nothing() -> None:
    found = of(appointment("TQ1|1||||||||R", PATIENT))
    assert (found["start"], found["end"]) == ("2024-04-10T09:00:00+02:00", "2024-04-10T09:45:00+02:00")


def test_change_without_a_time_leaves_the_stored_one_alone() -> None:
    found = of(appointment(PATIENT, event="S14", timing="", status="Booked"))
    assert found["status"] == "booked"
    assert found.keys().isdisjoint({"start", "end"})


def test_resource_that_is_only_described_takes_part_without_being_named() -> None:
    found = of(appointment(PATIENT, "RGS|1", "AIP|1|||NURSE^Any nurse^L", "AIP|2", "AIG|1||^^L|EQ^Any pump^L"))
    kinds = [codes(one["type"][0]) for one in found["participant"] if "actor" not in one]
    assert kinds == [["NURSE"], ["EQ"]]


def test_equipment_without_a_name_is_known_by_its_number() -> None:
    (machine,) = participants(appointment(PATIENT, "RGS|1", "AIG|1||X1^^L|EQ"), "Device")
    assert "deviceName" not in machine["resource"]


def test_empty_note_is_no_comment() -> None:
    assert "comment" not in of(appointment("NTE|1|L", PATIENT))


def test_empty_order_number_refers_to_nothing() -> None:
    found = convert("SIU^S12^SIU_S12", f"SCH|A-5^EHR|F-9^PLAN|||||||45|min|{TIMED}" + "|" * 15 + '""', PATIENT)
    assert "basedOn" not in of(found)


def test_duration_that_is_no_number_is_refused_at_its_place() -> None:
    with pytest.raises(ConversionError) as refused:
        convert("SIU^S12^SIU_S12", f"SCH|1|2|||||||long|min|{TIMED}", PATIENT)
    assert refused.value.place == "SCH-9.1"


def test_appointment_without_a_number_is_refused() -> None:
    with pytest.raises(ConversionError) as refused:
        convert("SIU^S12^SIU_S12", f"SCH||||||||||||{TIMED}", PATIENT)
    assert refused.value.segment == "SCH"
