from typing import Any

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, Converted, at, codes, convert

EVN = "EVN||20240305101000+0100"
PLACE = "WEST^12^A^CITYHOSP"


def visit(**fields: str) -> str:
    """A PV1 with fields by number: `visit(_2="I", _19="V1")`; it has a class, a place and a number."""
    known = {1: "1", 2: "I", 3: PLACE, 19: "V111^^^CITYHOSP^VN"} | {int(one[1:]): text for one, text in fields.items()}
    return "PV1|" + "|".join(known.get(number, "") for number in range(1, max(known) + 1))


def adt(event: str, *segments: str, **fields: str) -> Converted:
    return convert(f"ADT^{event}", EVN, PATIENT, visit(**fields), *segments)


def encounter(event: str, *segments: str, **fields: str) -> dict[str, Any]:
    return adt(event, *segments, **fields).identified("Encounter", "V111")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("A01", "in-progress"), ("A02", "in-progress"), ("A03", "finished"), ("A05", "planned"), ("A06", "in-progress"),
        ("A07", "in-progress"), ("A09", "in-progress"), ("A10", "in-progress"), ("A11", "cancelled"),
        ("A12", "in-progress"), ("A13", "in-progress"), ("A14", "planned"), ("A23", "entered-in-error"),
        ("A27", "cancelled"), ("A38", "cancelled"),
    ],
)  # fmt: skip
def test_event_says_what_became_of_the_visit(event: str, status: str) -> None:
    assert encounter(event)["status"] == status


@pytest.mark.parametrize("event", ["A08", "A15", "A16", "A25", "A26", "A31"])
def test_event_without_meaning_for_the_status_leaves_a_stored_one_alone(event: str) -> None:
    assert adt(event).entry("Encounter", "V111").merge["status"] == "keep"


@pytest.mark.parametrize("event", ["A11", "A23", "A27", "A29", "A38"])
def test_nothing_is_deleted_by_a_cancelled_event(event: str) -> None:
    assert {one.request()["method"] for one in adt(event).conversion.entries} <= {"PUT", "POST"}


def test_cancelled_discharge_takes_back_end_disposition_and_destination() -> None:
    entry = adt("A13").entry("Encounter", "V111")
    gone = {"period.end", "hospitalization.dischargeDisposition", "hospitalization.destination"}
    assert gone <= entry.clears


def test_discharge_ends_the_visit() -> None:
    found = encounter("A03", _36="01^Home^HL70112", _44="20240304080000+0100", _45="20240305093000+0100")
    assert found["period"] == {"start": "2024-03-04T08:00:00+01:00", "end": "2024-03-05T09:30:00+01:00"}
    assert codes(found["hospitalization"]["dischargeDisposition"]) == ["01"]


def test_transfer_moves_the_patient_to_the_new_place() -> None:
    found = adt("A02", _6="EAST^3^B^CITYHOSP")
    places = found.identified("Encounter", "V111")["location"]
    assert [(found.referred(one["location"])["name"], one["status"]) for one in places] == [
        ("CITYHOSP WEST 12 A", "active"),
        ("CITYHOSP EAST 3 B", "completed"),
    ]


def test_pending_transfer_reserves_the_new_place() -> None:
    found = adt("A15", _42="EAST^3^B^CITYHOSP")
    places = found.identified("Encounter", "V111")["location"]
    assert [one["status"] for one in places] == ["active", "reserved"]


def test_place_of_a_transfer_that_was_planned_before_is_planned() -> None:
    assert [one["status"] for one in encounter("A02", "PV2|EAST^3^B")["location"]] == ["active", "planned"]


def test_temporary_place_says_that_it_is_temporary() -> None:
    assigned, temporary = encounter("A09", _11="XRAY")["location"]
    assert "extension" not in assigned
    assert temporary["extension"][0]["valueCodeableConcept"] == {"text": "temporary"}


def test_bed_status_is_the_state_of_the_assigned_bed_and_of_nothing_else() -> None:
    found = adt("A01", _6="EAST^3^B^CITYHOSP", _40="O")
    states = {one["name"]: at(one, "operationalStatus.code") for one in found.all("Location")}
    assert states == {"CITYHOSP WEST 12 A": "O", "CITYHOSP EAST 3 B": None}


def test_bed_status_leaves_what_is_stored_of_the_bed() -> None:
    (entry,) = [one for one in adt("A01", _40="O").conversion.entries if one.resource["resourceType"] == "Location"]
    assert entry.intent == "upsert"
    assert set(entry.merge) == entry.resource.keys() - {"resourceType", "identifier", "operationalStatus"}


def test_bed_status_message_is_about_the_bed_that_visits_name() -> None:
    found = convert("ADT^A20", EVN, f"NPU|{PLACE}|K")
    (entry,) = [one for one in found.conversion.entries if one.resource["resourceType"] == "Location"]
    (visited,) = [one for one in adt("A01").conversion.entries if one.resource["resourceType"] == "Location"]
    assert entry.key == visited.key
    assert entry.resource["operationalStatus"]["code"] == "K"
    assert entry.merge["name"] == "keep"


def test_mother_is_a_related_person_known_by_the_child_and_her_number() -> None:
    child = PATIENT + "|" * 13 + "556^^^CITYHOSP^MR"
    mother = convert("ADT^A28", EVN, child).identified("RelatedPerson", "556")
    assert codes(mother["relationship"][0]) == ["MTH"]
    other = child.replace("778899", "778900")
    keys = {convert("ADT^A28", EVN, one).entry("RelatedPerson", "556").key for one in (child, other)}
    assert len(keys) == 2


@pytest.mark.parametrize("segment", ["PD1" + "|" * 12 + "Y", "PV2" + "|" * 22 + "Y"])
def test_protected_person_or_visit_is_restricted(segment: str) -> None:
    found = adt("A01", segment)
    resource = found.one("Patient") if segment.startswith("PD1") else found.identified("Encounter", "V111")
    assert [one["code"] for one in resource["meta"]["security"]] == ["R"]


def test_priority_of_the_visit_is_that_of_PV2_before_that_of_the_admission_type() -> None:  # noqa: N802
    assert codes(encounter("A01", "PV2" + "|" * 25 + "3", _4="E")["priority"])[0] == "EL"


def test_person_of_a_role_is_reached_and_works_where_the_segment_says() -> None:
    role = "ROL|1|AD|PP^Primary care^HL70443|77^BERG^LISA|2024||||408443003^General practice^SCT||1 Main^^Town"
    found = adt("A01", role + "|^WPN^PH^^^555^1234|CLINIC^2|North Clinic")
    work = found.one("PractitionerRole")
    doctor = found.referred(work["practitioner"])
    assert (doctor["address"][0]["city"], doctor["telecom"][0]["value"]) == ("Town", "(555) 1234")
    assert found.referred(work["organization"])["name"] == "North Clinic"
    assert found.referred(work["location"][0])["name"] == "CLINIC 2"
    assert (codes(work["specialty"][0]), work["period"]) == (["408443003"], {"start": "2024"})


def test_pending_discharge_says_when_it_is_expected() -> None:
    found = encounter("A16", "PV2|||||||||20240307")
    assert found["extension"][0]["valueDateTime"] == "2024-03-07"


def test_cancelled_pending_discharge_is_no_longer_expected() -> None:
    found = adt("A25", "PV2|||||||||20240307").entry("Encounter", "V111")
    assert "extension" not in found.resource
    assert any(one.startswith("extension?") and "plannedEndDate" in one for one in found.clears)


def test_cancelled_pending_transfer_keeps_no_place() -> None:
    found = adt("A26", _42="EAST^3^B^CITYHOSP").entry("Encounter", "V111")
    assert [one["status"] for one in found.resource["location"]] == ["active"]
    assert 'location?{"status": "reserved"}' in found.clears


def test_swapped_beds_are_the_places_of_two_visits() -> None:
    other = "PID|1||5511^^^CITYHOSP^MR||OLSEN^KIM||19600101|M"
    found = convert("ADT^A17", EVN, PATIENT, visit(), other, visit(_3="EAST^3^B^CITYHOSP", _19="V222^^^CITYHOSP^VN"))
    named = {
        number: found.referred(found.identified("Encounter", number)["location"][0]["location"])["name"]
        for number in ("V111", "V222")
    }
    assert named == {"V111": "CITYHOSP WEST 12 A", "V222": "CITYHOSP EAST 3 B"}
    subject = found.referred(found.identified("Encounter", "V222")["subject"])
    assert subject["name"][0]["family"] == "OLSEN"


def test_deleted_person_is_inactive() -> None:
    assert convert("ADT^A29", EVN, PATIENT).one("Patient")["active"] is False


def test_person_message_without_a_visit_makes_none() -> None:
    assert convert("ADT^A28", EVN, PATIENT, "PV1|1|N").all("Encounter") == []


def test_primary_care_role_is_the_general_practitioner() -> None:
    found = adt("A01", "ROL|1|AD|PP^Primary care^HL70443|77^BERG^LISA")
    (practitioner,) = found.one("Patient")["generalPractitioner"]
    assert found.referred(practitioner)["name"][0]["family"] == "BERG"


def test_other_roles_take_part_in_the_visit_for_their_time() -> None:
    found = encounter("A01", "ROL|1|AD|AT^Attending^HL70443|77^BERG^LISA|20240304|20240305")
    participant = found["participant"][-1]
    assert codes(participant["type"][0]) == ["AT"]
    assert participant["period"] == {"start": "2024-03-04", "end": "2024-03-05"}


def test_role_that_is_taken_away_takes_no_part() -> None:
    assert "participant" not in encounter("A08", "ROL|1|DE|AT^Attending^HL70443|77^BERG^LISA")


def test_participation_segment_names_the_general_practitioner() -> None:
    found = convert("ADT^A01", EVN, PATIENT, "PRT|1|AD||PP^Primary care^HL70443|77^BERG^LISA", visit(), version="2.8")
    (practitioner,) = found.one("Patient")["generalPractitioner"]
    assert found.referred(practitioner)["name"][0]["family"] == "BERG"


def test_role_of_a_procedure_performs_it() -> None:
    procedure = "PR1|1||80146002^Appendectomy^SCT||202403050800+0100"
    found = adt("A01", procedure, "ROL|1|AD|AT^Surgeon^HL70443|77^BERG^LISA")
    performers = found.one("Procedure")["performer"]
    assert found.referred(performers[-1]["actor"])["name"][0]["family"] == "BERG"


def test_added_person_is_active() -> None:
    assert convert("ADT^A28", EVN, PATIENT).one("Patient")["active"] is True


def test_update_does_not_say_whether_the_person_is_active() -> None:
    assert "active" not in convert("ADT^A31", EVN, PATIENT).one("Patient")


def test_practice_without_a_person_is_the_general_practitioner() -> None:
    found = convert("ADT^A01", EVN, PATIENT, "PRT|1|AD||PP^Primary care^HL70443||||North Clinic^L", version="2.8")
    (practice,) = found.one("Patient")["generalPractitioner"]
    assert found.referred(practice)["name"] == "North Clinic"


def test_participation_segment_adds_to_the_visit() -> None:
    found = adt("A01", "PRT|1|AD||AT^Attending^HL70443|77^BERG^LISA||||||20240304|20240305")
    participant = found.identified("Encounter", "V111")["participant"][-1]
    assert found.referred(participant["individual"])["name"][0]["family"] == "BERG"
    assert participant["period"] == {"start": "2024-03-04", "end": "2024-03-05"}


def test_participation_that_is_taken_away_is_none() -> None:
    found = adt("A08", "PRT|1|DE||AT^Attending^HL70443|77^BERG^LISA", "PRT|2|DE||PP^Primary^HL70443|78^LIND^EVA")
    assert "participant" not in found.identified("Encounter", "V111")
    assert "generalPractitioner" not in found.one("Patient")


def test_role_of_a_general_practitioner_that_is_taken_away_is_none() -> None:
    assert "generalPractitioner" not in adt("A08", "ROL|1|DE|PP^Primary^HL70443|78^LIND^EVA").one("Patient")


@pytest.mark.parametrize(
    "segment", ["ROL|1|{}|AT^Surgeon^HL70443|77^BERG^LISA", "PRT|1|{}||AT^Surgeon^HL70443|77^BERG^LISA"]
)
def test_performer_of_a_procedure_may_be_added_and_taken_away(segment: str) -> None:
    procedure = "PR1|1||80146002^Appendectomy^SCT||202403050800+0100"
    assert len(adt("A01", procedure, segment.format("AD")).one("Procedure")["performer"]) == 1
    assert "performer" not in adt("A01", procedure, segment.format("DE")).one("Procedure")


def test_participation_of_an_observation() -> None:
    finding = "OBX|1|NM|8867-4^Heart rate^LN||72|/min^^UCUM|||||F"
    found = adt("A01", finding, "PRT|1|AD||RO^Responsible^HL70912|77^BERG^LISA|||North Clinic^L||MON-1^Monitor")
    observation = found.one("Observation")
    assert [found.referred(one)["resourceType"] for one in observation["performer"]] == ["Practitioner", "Organization"]
    assert found.referred(observation["device"])["resourceType"] == "Device"


def test_participation_of_an_observation_that_is_taken_away_is_none() -> None:
    finding = "OBX|1|NM|8867-4^Heart rate^LN||72|/min^^UCUM|||||F"
    assert "performer" not in adt("A01", finding, "PRT|1|DE||RO^Responsible^HL70912|77^BERG^LISA").one("Observation")


def test_referral_that_led_to_the_visit() -> None:
    found = adt("A05", "RF1|P||MED^Medical^HL70281|||R-1^GP")
    request = found.identified("ServiceRequest", "R-1")
    assert request["status"] == "active"
    assert found.referred(request["encounter"])["resourceType"] == "Encounter"
