from decimal import Decimal
from typing import Any

import pytest

from hl7_bridge.mapping.errors import ConversionError
from tests.hl7_bridge.maps.converted import PATIENT, Converted, at, codes, convert, segment

ORC = "ORC|{control}|PL-6^EHR|FI-6^LAB|GRP-1^EHR|{status}||{timing}||20240305101000+0100|||123^SMITH^ADAM"
OBR = "OBR|1|PL-6^EHR|FI-6^LAB|24323-8^Metabolic panel^LN"


def order(*segments: str, control: str = "NW", status: str = "", timing: str = "", event: str = "OML^O21") -> Converted:
    return convert(event, PATIENT, ORC.format(control=control, status=status, timing=timing), *(segments or (OBR,)))


def request(*segments: str, **parts: str) -> dict[str, Any]:
    return order(*segments, **parts).one("ServiceRequest")


@pytest.mark.parametrize("event", ["ORM^O01", "OML^O21", "OMG^O19"])
def test_new_order_is_an_active_request_of_its_service(event: str) -> None:
    found = order(event=event)
    asked = found.one("ServiceRequest")
    assert (asked["status"], asked["intent"]) == ("active", "order")
    assert codes(asked["code"]) == ["24323-8"]
    assert asked["authoredOn"] == "2024-03-05T10:10:00+01:00"
    assert found.referred(asked["subject"])["resourceType"] == "Patient"
    assert found.referred(asked["requester"])["name"][0]["family"] == "SMITH"


def test_order_is_found_again_by_the_number_of_the_placer() -> None:
    assert order().entry("ServiceRequest", "PL-6").key == "identifier=urn:hl7v2:authority:EHR|PL-6"


def test_numbers_that_orc_and_obr_share_are_there_once() -> None:
    assert [one["value"] for one in request()["identifier"]] == ["PL-6", "FI-6"]


def test_numbers_of_the_order_hold_where_the_service_has_none() -> None:
    assert [one["value"] for one in request("OBR|1|||24323-8^Panel^LN")["identifier"]] == ["PL-6", "FI-6"]


def test_number_of_the_service_is_taken_where_the_order_has_another_and_the_sender_is_told() -> None:
    found = order("OBR|1|PL-7^EHR||24323-8^Panel^LN")
    assert [one["value"] for one in found.one("ServiceRequest")["identifier"]] == ["FI-6", "PL-7"]
    assert [note.place for note in found.conversion.notes] == ["ORC-2"]


@pytest.mark.parametrize(
    ("control", "status"),
    [
        ("NW", "active"), ("OK", "active"), ("RL", "active"), ("RO", "active"), ("CA", "revoked"), ("OC", "revoked"),
        ("CR", "revoked"), ("DC", "revoked"), ("OD", "revoked"), ("RP", "revoked"), ("HD", "on-hold"),
        ("OH", "on-hold"), ("DE", "entered-in-error"),
    ],
)  # fmt: skip
def test_order_control_changes_the_state(control: str, status: str) -> None:
    assert request(control=control)["status"] == status


@pytest.mark.parametrize(
    ("code", "status"),
    [("IP", "active"), ("SC", "active"), ("CM", "completed"), ("CA", "revoked"), ("HD", "on-hold"), ("DC", "revoked")],
)
def test_order_status_wins_over_order_control(code: str, status: str) -> None:
    assert request(control="SC", status=code)["status"] == status


@pytest.mark.parametrize("control", ["XO", "SC", "XX", "UC"])
def test_change_without_a_state_leaves_a_stored_state_alone(control: str) -> None:
    assert order(control=control).entry("ServiceRequest", "PL-6").merge["status"] == "keep"


def test_date_of_a_change_is_not_the_date_of_the_order() -> None:
    assert "authoredOn" not in request(control="CA")


def test_orders_of_one_requisition_share_its_number() -> None:
    second = ("ORC|NW|PL-7^EHR||GRP-1^EHR", "OBR|2|PL-7^EHR||58410-2^CBC^LN")
    asked = order(OBR, *second).all("ServiceRequest")
    assert [one["requisition"]["value"] for one in asked] == ["GRP-1", "GRP-1"]


def test_services_of_one_order_share_what_the_order_says() -> None:
    found = order(OBR, "OBR|2|PL-7^EHR||58410-2^CBC^LN")
    second = found.identified("ServiceRequest", "PL-7")
    assert second["authoredOn"] == "2024-03-05T10:10:00+01:00"
    assert found.referred(second["requester"])["name"][0]["family"] == "SMITH"


def test_services_with_the_same_number_are_two_requests() -> None:
    found = order(OBR, "OBR|2|PL-6^EHR|FI-6^LAB|58410-2^CBC^LN")
    first, second = found.all("ServiceRequest")
    assert [one["value"] for one in first["identifier"]] == ["PL-6", "FI-6"]
    assert codes(second["code"]) == ["58410-2"]
    assert [one["identifier"]["value"] for one in second["basedOn"]] == ["PL-6", "FI-6"]
    keys = {one.key for one in found.conversion.entries if one.resource["resourceType"] == "ServiceRequest"}
    assert len(keys) == 2


def test_order_without_orc_is_active() -> None:
    assert convert("OML^O21", PATIENT, OBR).one("ServiceRequest")["status"] == "active"


def test_priority_of_tq1() -> None:
    assert request("TQ1|1||||||||S^Stat^HL70485", OBR)["priority"] == "stat"


def test_priority_of_an_old_order() -> None:
    assert request(timing="^^^^^A", event="ORM^O01")["priority"] == "asap"


def test_start_is_the_occurrence() -> None:
    assert request("TQ1|1||||||20240306080000+0100", OBR)["occurrenceDateTime"] == "2024-03-06T08:00:00+01:00"


def test_start_and_end_are_a_period() -> None:
    found = request("TQ1|1||||||20240306080000+0100|20240306093000+0100", OBR)
    assert found["occurrencePeriod"] == {"start": "2024-03-06T08:00:00+01:00", "end": "2024-03-06T09:30:00+01:00"}


def test_repeat_pattern_is_a_timing() -> None:
    found = request("TQ1|1||Q6H|||7^d&day&UCUM|20240306080000+0100||R|||||4", OBR)["occurrenceTiming"]
    assert codes(found["code"]) == ["Q6H"]
    assert found["repeat"] == {
        "frequency": 1,
        "period": 6,
        "periodUnit": "h",
        "count": 4,
        "boundsPeriod": {"start": "2024-03-06T08:00:00+01:00", "end": "2024-03-13T08:00:00+01:00"},
    }


def test_pattern_before_a_meal() -> None:
    found = request("TQ1|1||BID^^^^^^^AC^30^min", OBR)["occurrenceTiming"]["repeat"]
    assert found == {"frequency": 2, "period": 1, "periodUnit": "d", "when": ["AC"], "offset": 30}


def test_times_of_day_are_kept() -> None:
    assert request("TQ1|1|||0800~2000", OBR)["occurrenceTiming"]["repeat"]["timeOfDay"] == ["08:00:00", "20:00:00"]


def test_once_is_no_timing() -> None:
    found = request("TQ1|1||Once||||20240306080000+0100", OBR)
    assert found["occurrenceDateTime"] == "2024-03-06T08:00:00+01:00"


def test_timing_of_an_old_order() -> None:
    found = request(timing="1^BID^H12^20240306080000+0100^20240307080000+0100^R^^Take care", event="ORM^O01")
    assert codes(found["occurrenceTiming"]["code"]) == ["BID"]
    assert found["occurrenceTiming"]["repeat"]["boundsPeriod"]["end"] == "2024-03-07T08:00:00+01:00"
    assert found["note"][0]["text"] == "Take care"


def test_length_of_an_old_order_gives_its_end() -> None:
    found = request(timing="^^M30^20240306080000+0100", event="ORM^O01")
    assert found["occurrencePeriod"]["end"] == "2024-03-06T08:30:00+01:00"


def test_quantity_of_an_old_order() -> None:
    assert request(timing="3&mL", event="ORM^O01")["quantityQuantity"] == {"value": Decimal(3), "unit": "mL"}


def test_requested_time_holds_where_no_timing_is_sent() -> None:
    assert request(OBR + "||20240306070000+0100")["occurrenceDateTime"] == "2024-03-06T07:00:00+01:00"


def test_reason_and_diagnosis() -> None:
    found = order(OBR + "|" * 27 + "R73.9^Hyperglycaemia^I10", "DG1|1||E11.9^Diabetes type 2^I10")
    asked = found.one("ServiceRequest")
    assert codes(asked["reasonCode"][0]) == ["R73.9"]
    assert codes(found.referred(asked["reasonReference"][0])["code"]) == ["E11.9"]


def test_note_belongs_to_the_order() -> None:
    found = order(OBR, "NTE|1||Patient is fasting")
    assert found.one("ServiceRequest")["note"] == [{"text": "Patient is fasting"}]
    assert found.all("MedicationRequest") == []


def test_cancellation_belongs_to_the_visit() -> None:
    found = convert("OML^O21", PATIENT, "PV1|1|O|OPD" + "|" * 16 + "V1^^^CITYHOSP^VN", "ORC|CA|PL-6^EHR")
    assert found.referred(found.one("ServiceRequest")["encounter"])["identifier"][0]["value"] == "V1"


def test_answers_asked_at_order_entry_support_the_request() -> None:
    found = order(OBR, "OBX|1|ST|AOE25^Pregnant^L||NO||||||F")
    (answer,) = found.one("ServiceRequest")["supportingInfo"]
    assert found.referred(answer)["valueString"] == "NO"


def test_specimen_of_the_order() -> None:
    found = order(OBR, "SPM|1|SP-1^FI-SP||SER^Serum^HL70487|||||||||||||20240305093000+0100")
    (specimen,) = found.one("ServiceRequest")["specimen"]
    assert [one["value"] for one in found.referred(specimen)["identifier"]] == ["SP-1", "FI-SP"]


def test_specimen_above_its_orders_is_the_specimen_of_each() -> None:
    orders = [part.format(n=n) for n in (1, 2) for part in ("ORC|NW|P-{n}^EHR", "OBR|{n}|P-{n}^EHR||C{n}^Test^L")]
    found = convert("OML^O33", PATIENT, "SPM|1|SP-1||SER^Serum^HL70487", *orders)
    assert [len(one["specimen"]) for one in found.all("ServiceRequest")] == [1, 1]
    assert len(found.all("Specimen")) == 1


def test_container_is_part_of_the_specimen() -> None:
    found = order(OBR, "SPM|1|SP-1||SER^Serum^HL70487", "SAC|1|ACC-1^LAB|TUBE-9^LAB").one("Specimen")
    assert found["container"][0]["identifier"][0]["value"] == "TUBE-9"
    assert found["accessionIdentifier"]["value"] == "ACC-1"


def test_parent_order_is_what_the_order_is_based_on() -> None:
    orc = "ORC|NW|PL-8^EHR||||||PL-1&EHR^FI-1&LAB"
    found = convert("OML^O21", PATIENT, orc, "OBR|1|PL-8^EHR||C1^Test^L").one("ServiceRequest")
    assert [one["identifier"]["value"] for one in found["basedOn"]] == ["PL-1"]


def test_reflex_order() -> None:
    assert request("OBR|1|PL-6^EHR|FI-6^LAB|24323-8^Panel^LN|||||||G")["intent"] == "reflex-order"


def test_ordering_facility_makes_the_requester_a_role() -> None:
    orc = (
        "ORC|NW|PL-6^EHR||||||||||123^SMITH^ADAM"
        + "|" * 9
        + "North Clinic^L^44|Birch Rd 4^^Uppsala|^WPN^PH^^^18^5551212"
    )
    found = convert("OML^O21", PATIENT, orc, "OBR|1|PL-6^EHR||C1^Test^L")
    role = found.referred(found.one("ServiceRequest")["requester"])
    assert found.referred(role["practitioner"])["name"][0]["family"] == "SMITH"
    facility = found.referred(role["organization"])
    assert facility["name"] == "North Clinic"
    assert facility["address"][0]["city"] == "Uppsala"


def test_prior_results_have_a_visit_of_their_own() -> None:
    now, before = ("PV1|1|I|W^1" + "|" * 16 + f"{number}^^^CITYHOSP^VN" for number in ("V2", "V1"))
    prior = (before, "ORC|SC|PL-1^EHR||||CM", "OBR|1|PL-1^EHR||C9^Old test^L", "OBX|1|NM|C9^Old test^L||4||||||F")
    found = convert("OMG^O19", PATIENT, now, ORC.format(control="NW", status="", timing=""), OBR, *prior)
    old = found.identified("ServiceRequest", "PL-1")
    assert found.referred(old["encounter"])["identifier"][0]["value"] == "V1"
    new = found.identified("ServiceRequest", "PL-6")
    assert found.referred(new["encounter"])["identifier"][0]["value"] == "V2"


def test_time_that_is_none_is_refused_at_its_place() -> None:
    with pytest.raises(ConversionError) as refused:
        request(timing="^^^20241399", event="ORM^O01")
    assert (refused.value.code, refused.value.place) == ("102", "ORC-7.4")


def field(name: str, **fields: str) -> dict[str, Any]:
    """The request of an order whose ORC, TQ1 or OBR has one more field."""
    known = {"ORC": {1: "NW", 2: "PL-6^EHR"}, "TQ1": {1: "1"}, "OBR": {1: "1", 4: "24323-8^Panel^LN"}}
    parts = [segment(one, texts, **(fields if one == name else {})) for one, texts in known.items()]
    return convert("OML^O21", PATIENT, *parts).one("ServiceRequest")


CALLBACK = "http://hl7.org/fhir/StructureDefinition/servicerequest-order-callback-phone-number"


@pytest.mark.parametrize(
    ("name", "number", "text", "path", "value"),
    [
        ("ORC", "_8", "^FI-1&LAB", "basedOn.0.identifier.value", "FI-1"),
        ("ORC", "_14", "^WPN^PH^^^18^5551212", "extension.0.url", CALLBACK),
        ("ORC", "_16", "ERR^Ordered by mistake^L", "extension.0.valueCodeableConcept.text", "Ordered by mistake"),
        ("ORC", "_28", "R^Restricted^HL70177", "meta.security.0.code", "R"),
        ("ORC", "_29", "O^Outpatient order^HL70482", "locationCode.0.coding.0.code", "O"),
        ("ORC", "_33", "ALT-1^^^EHR", "identifier.1.value", "ALT-1"),
        ("ORC", "_38", "GRP-9^LAB", "identifier.1.value", "GRP-9"),
        ("TQ1", "_2", "3^mL", "quantityQuantity.unit", "mL"),
        ("TQ1", "_10", "when in pain", "asNeededCodeableConcept.text", "when in pain"),
        ("TQ1", "_11", "with a full bladder", "note.0.text", "with a full bladder"),
        ("OBR", "_5", "A", "priority", "asap"),
        ("OBR", "_17", "^WPN^PH^^^18^5551212", "extension.0.url", CALLBACK),
        ("OBR", "_27", "^BID", "occurrenceTiming.code.coding.0.code", "BID"),
        ("OBR", "_27", "^^^^^S", "priority", "stat"),
        ("OBR", "_29", "PL-1&EHR^FI-1&LAB", "basedOn.0.identifier.value", "PL-1"),
        ("OBR", "_39", "C^Collected at home^L", "note.0.text", "Collected at home"),
        ("OBR", "_46", "LEFT^Left side^L", "orderDetail.0.coding.0.code", "LEFT"),
        ("OBR", "_47", "DYE^With contrast^L", "orderDetail.0.coding.0.code", "DYE"),
        ("OBR", "_53", "ALT-1^^^EHR", "identifier.1.value", "ALT-1"),
        ("OBR", "_54", "PL-1&EHR^FI-1&LAB", "basedOn.0.identifier.value", "PL-1"),
    ],
)
def test_field_of_an_order(name: str, number: str, text: str, path: str, value: str) -> None:
    assert at(field(name, **{number: text}), path) == value


def test_order_as_needed() -> None:
    assert field("TQ1", _3="PRN", _10="x")["asNeededBoolean"] is True


def test_order_belongs_to_the_visit() -> None:
    visit = "PV1|1|O|OPD" + "|" * 16 + "V1^^^CITYHOSP^VN"
    found = convert("OML^O21", PATIENT, visit, "ORC|NW|PL-6^EHR", OBR)
    assert found.referred(found.one("ServiceRequest")["encounter"])["identifier"][0]["value"] == "V1"


def test_orders_without_a_number_are_told_apart_by_their_group() -> None:
    orders = [part for group in ("G1", "G2") for part in (f"ORC|NW|||{group}^EHR", "OBR|1|||C1^Test^L|||20240305")]
    found = convert("OML^O21", PATIENT, *orders)
    assert [one["requisition"]["value"] for one in found.all("ServiceRequest")] == ["G1", "G2"]


def test_finding_about_the_specimen_is_about_it_and_does_not_support_the_request() -> None:
    found = order(OBR, "SPM|1|SP-1||SER^Serum^HL70487", "OBX|1|ST|S1^Colour^L||red||||||F")
    assert found.referred(found.one("Observation")["specimen"])["resourceType"] == "Specimen"
    assert "supportingInfo" not in found.one("ServiceRequest")


def test_facility_without_a_person_asks_itself() -> None:
    orc = segment("ORC", {1: "NW", 2: "PL-6^EHR", 21: "North Clinic^L^44"})
    found = convert("OML^O21", PATIENT, orc, OBR)
    assert found.referred(found.one("ServiceRequest")["requester"])["name"] == "North Clinic"


def test_cancellation_needs_no_service() -> None:
    found = convert("OML^O21", PATIENT, "ORC|CA|PL-6^EHR")
    asked = found.one("ServiceRequest")
    assert asked["status"] == "revoked"
    assert found.referred(asked["subject"])["resourceType"] == "Patient"


def test_stored_lists_of_what_belongs_to_an_order_grow() -> None:
    merge = order().entry("ServiceRequest", "PL-6").merge
    assert {merge["supportingInfo"], merge["reasonReference"], merge["specimen"]} == {"union"}


def test_medicine_that_is_ordered_is_no_service() -> None:
    rxo = "RXO|00047040230^Ampicillin^NDC|250||mg|CAP^Capsule^L"
    found = convert("ORM^O01", PATIENT, "ORC|NW|PL-6^EHR", "TQ1|1||BID", rxo, "NTE|1||With water")
    assert found.all("ServiceRequest") == []
    assert found.entry("MedicationRequest", "PL-6").resource["note"] == [{"text": "With water"}]


def test_diet_that_is_ordered() -> None:
    found = convert("ORM^O01", PATIENT, "ORC|NW|PL-6^EHR", "ODS|D||LOWSALT^Low salt^L|No soup").one("ServiceRequest")
    assert codes(found["category"][0]) == ["D"]
    assert codes(found["code"]) == ["LOWSALT"]
    assert found["patientInstruction"] == "No soup"


def test_charge_that_comes_with_an_order() -> None:
    found = order(OBR, "FT1|1|||20240305|20240305|CG|80053^Panel^C4||||1", event="ORM^O01")
    assert codes(found.one("ChargeItem")["code"]) == ["80053"]


def records(found: Converted) -> list[dict[str, Any]]:
    """What tells who entered and verified an order: the records beside that of the message."""
    return [one for one in found.all("Provenance") if "entity" not in one]


@pytest.mark.parametrize(("control", "activity"), [("NW", "CREATE"), ("XO", "UPDATE"), ("CA", "CANCEL")])
def test_who_entered_verified_and_asked_for_the_order_is_recorded(control: str, activity: str) -> None:
    orc = f"ORC|{control}|PL-6^EHR|||||||20240305101000+0100|1^ENTER^EVE|2^VERIFY^VERA|3^SMITH^ADAM|||||||4^ACTOR^ANN"
    found = convert("OML^O21", PATIENT, orc, OBR)
    (record,) = records(found)
    agents = [(codes(one["type"])[0], found.referred(one["who"])["name"][0]["family"]) for one in record["agent"]]
    assert agents == [("enterer", "ENTER"), ("verifier", "VERIFY"), ("author", "SMITH"), ("performer", "ACTOR")]
    assert [found.referred(one)["resourceType"] for one in record["target"]] == ["ServiceRequest"]
    assert record["recorded"] == "2024-03-05T10:10:00+01:00"
    assert codes(record["activity"]) == [activity]


def test_record_of_an_order_does_not_say_when_events_occurred() -> None:
    (record,) = records(convert("OML^O21", PATIENT, "ORC|NW|PL-6^EHR|||||||20240305|^ENTER^EVE", OBR))
    assert "occurredDateTime" not in record
    assert record["recorded"] == "2024-03-05T10:15:00+01:00"


def test_order_that_nobody_is_known_to_have_entered_has_no_record() -> None:
    assert records(order()) == []


def test_record_of_a_medicine_is_about_it() -> None:
    rxo = "RXO|00047040230^Ampicillin^NDC|250||mg|CAP^Capsule^L"
    found = convert("ORM^O01", PATIENT, "ORC|NW|PL-6^EHR||||||||1^ENTER^EVE", rxo)
    (record,) = records(found)
    assert [found.referred(one)["resourceType"] for one in record["target"]] == ["MedicationRequest"]


def test_callback_of_the_service_wins_over_that_of_the_order() -> None:
    orc = segment("ORC", {1: "NW", 2: "PL-6^EHR", 14: "^WPN^PH^^^18^5551212"})
    obr = segment("OBR", {1: "1", 4: "24323-8^Panel^LN", 17: "^WPN^PH^^^18^5551313"})
    found = convert("OML^O21", PATIENT, orc, obr).one("ServiceRequest")
    assert [one["url"] for one in found["extension"]] == [CALLBACK]


def test_other_numbers_of_the_specimen_are_kept() -> None:
    spm = segment("SPM", {1: "1", 2: "SP-1", 4: "SER^Serum^HL70487", 31: "OT-1^^^LAB", 32: "SHIP-1^LAB"})
    found = order(OBR, spm).one("Specimen")
    assert [one["value"] for one in found["identifier"]] == ["SP-1", "OT-1", "SHIP-1"]
    assert codes(found["identifier"][2]["type"]) == ["STN"]
