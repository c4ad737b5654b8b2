"""Prescriptions (RDE, OMP), what was dispensed (RDS) and what was given (RAS)."""

from decimal import Decimal

import pytest

from hl7_bridge.mapping.errors import ConversionError
from tests.hl7_bridge.maps.converted import PATIENT, Converted, Resource, codes, convert

ORC = "ORC|{control}|RX-1^EHR|FX-1^PHARM|G-1^EHR|{status}||{timing}||20240305|||123^SMITH^ADAM"
RXO = "RXO|314076^lisinopril 10 MG^RXNORM|1|2|TAB^tablet||^Watch the pressure|^Take with water||G||60|TAB^tablet|3"
RXE = "RXE|{timing}|314076^lisinopril 10 MG^RXNORM|{low}|{high}|TAB^tablet^UCUM||^Take one tablet|||30|TAB|2"
RXR = "RXR|PO^Oral^HL70162|LA^Left arm^HL70163"
UNIT = {"unit": "tablet", "system": "http://unitsofmeasure.org", "code": "TAB"}


def orc(control: str = "NW", status: str = "", timing: str = "") -> str:
    return ORC.format(control=control, status=status, timing=timing)


def rxe(low: str = "1", high: str = "", timing: str = "") -> str:
    return RXE.format(low=low, high=high, timing=timing)


def prescribed(*segments: str, event: str = "RDE^O11") -> Converted:
    return convert(event, PATIENT, *segments)


def request(*segments: str, event: str = "RDE^O11") -> Resource:
    return prescribed(*segments, event=event).one("MedicationRequest")


def test_encoded_order_is_a_prescription() -> None:
    found = prescribed(orc(), rxe(), RXR)
    made = found.one("MedicationRequest")
    assert (made["status"], made["intent"], made["authoredOn"]) == ("active", "order", "2024-03-05")
    assert codes(made["medicationCodeableConcept"]) == ["314076"]
    assert made["dispenseRequest"] == {"quantity": {"value": Decimal(30), "unit": "TAB"}, "numberOfRepeatsAllowed": 2}
    [dosage] = made["dosageInstruction"]
    assert (dosage["text"], codes(dosage["route"]), codes(dosage["site"])) == ("Take one tablet", ["PO"], ["LA"])
    assert dosage["doseAndRate"] == [{"doseQuantity": {"value": Decimal(1), **UNIT}}]
    assert found.referred(made["requester"])["name"][0]["family"] == "SMITH"
    assert found.referred(made["subject"])["resourceType"] == "Patient"


def test_prescription_is_found_again_by_the_number_of_the_placer() -> None:
    found = prescribed(orc(), rxe())
    assert found.entry("MedicationRequest", "RX-1").key == "identifier=urn:hl7v2:authority:EHR|RX-1"
    assert found.one("MedicationRequest")["groupIdentifier"]["value"] == "G-1"


@pytest.mark.parametrize(
    ("control", "status", "state"),
    [
        ("NW", "", "active"), ("CA", "", "cancelled"), ("DC", "", "stopped"), ("HD", "", "on-hold"),
        ("RL", "", "active"),
        ("SC", "CM", "completed"), ("NW", "HD", "on-hold"), ("XO", "", "active"), ("DE", "", "entered-in-error"),
    ],
)  # fmt: skip
def test_order_control_and_status_are_the_state(control: str, status: str, state: str) -> None:
    assert request(orc(control, status), rxe())["status"] == state


def test_dose_between_two_amounts_is_a_range() -> None:
    [dosage] = request(orc(), rxe("1", "2"))["dosageInstruction"]
    low, high = {"value": Decimal(1), **UNIT}, {"value": Decimal(2), **UNIT}
    assert dosage["doseAndRate"] == [{"doseRange": {"low": low, "high": high}}]


def test_each_timing_is_a_dosage_of_its_own() -> None:
    first = "TQ1|1||BID|||||||^^|"
    dosages = request(orc(), rxe(), first, "TQ1|2|2^TAB|QHS|||||||for sleep|at bedtime", RXR)["dosageInstruction"]
    assert [one["sequence"] for one in dosages] == [1, 2]
    assert dosages[0]["timing"]["repeat"] == {"frequency": 2, "period": 1, "periodUnit": "d"}
    assert dosages[1]["timing"]["repeat"]["when"] == ["HS"]
    assert dosages[1]["asNeededCodeableConcept"] == {"text": "for sleep"}
    assert dosages[1]["text"] == "Take one tablet\nat bedtime"
    assert dosages[1]["doseAndRate"][0]["doseQuantity"]["value"] == Decimal(2)
    assert {codes(one["route"])[0] for one in dosages} == {"PO"}


def test_timing_of_older_versions_stands_in_the_order_itself() -> None:
    [dosage] = request(orc(), rxe(timing="1^BID^D7^20240305^20240312"))["dosageInstruction"]
    repeat = dosage["timing"]["repeat"]
    assert (repeat["frequency"], repeat["boundsPeriod"]) == (2, {"start": "2024-03-05", "end": "2024-03-12"})
    [common] = request(orc(timing="1^TID"), rxe())["dosageInstruction"]
    assert common["timing"]["repeat"]["frequency"] == 3


def test_order_as_requested_is_the_original_and_gives_way_to_the_encoded_one() -> None:
    asked = request(orc(), RXO, RXR, event="OMP^O09")
    assert asked["intent"] == "original-order"
    assert asked["dispenseRequest"]["numberOfRepeatsAllowed"] == 3
    assert codes(asked["substitution"]["allowedCodeableConcept"])[0] == "G"
    assert [one["text"] for one in asked["note"]] == ["Watch the pressure"]
    both = request(orc(), RXO, "RXR|IV^Intravenous^HL70162", rxe(), RXR)
    assert (both["intent"], both["dispenseRequest"]["numberOfRepeatsAllowed"]) == ("order", 2)
    assert codes(both["dosageInstruction"][0]["route"]) == ["PO"]


def test_timing_and_mixture_of_the_request_give_way_to_those_of_the_encoded_order() -> None:
    asked = (RXO, "RXR|IV^Intravenous^HL70162", "RXC|A|1^Potassium^L|20|mmol")
    found = prescribed(
        orc(), "TQ1|1||QID", *asked, rxe(), "TQ1|1||BID", "RXR|PO^Oral^HL70162", "RXC|A|2^Sodium^L|9|mmol"
    )
    [dosage] = found.one("MedicationRequest")["dosageInstruction"]
    assert dosage["timing"]["repeat"]["frequency"] == 2
    [part] = found.one("Medication")["ingredient"]
    assert codes(part["itemCodeableConcept"]) == ["2"]


def test_daily_dose_is_the_most_of_a_day() -> None:
    most = request(orc(), rxe() + "|||||||4^TAB")["dosageInstruction"][0]["maxDosePerPeriod"]
    assert most == {
        "numerator": {"value": Decimal(4), "unit": "TAB"},
        "denominator": {"value": 1, "unit": "day", "system": "http://unitsofmeasure.org", "code": "d"},
    }


def test_mixture_is_a_medication_of_its_ingredients() -> None:
    base = "RXC|B|0^Saline^L|1000|mL^mL^UCUM"
    additive = "RXC|A|1^Potassium chloride^L|20|mmol^mmol^UCUM"
    found = prescribed(orc(), rxe(), RXR, base, additive)
    mixture = found.referred(found.one("MedicationRequest")["medicationReference"])
    assert codes(mixture["code"]) == ["314076"]
    assert [(codes(one["itemCodeableConcept"])[0], one["isActive"]) for one in mixture["ingredient"]] == [
        ("0", False),
        ("1", True),
    ]
    assert mixture["ingredient"][1]["strength"]["numerator"]["value"] == Decimal(20)


def test_same_mixture_is_the_same_medication_for_everybody() -> None:
    segments = (orc(), rxe(), "RXC|A|1^Potassium chloride^L|20|mmol^mmol^UCUM")
    other = PATIENT.replace("778899", "112233")
    keys = [
        next(one.key for one in found.conversion.entries if one.resource["resourceType"] == "Medication")
        for found in (prescribed(*segments), convert("RDE^O11", other, *segments))
    ]
    assert keys[0] == keys[1]


RXD = (
    "RXD|1|314076^lisinopril 10 MG^RXNORM|20240306|30|TAB^tablet^UCUM||P-77|1|After food|9^PILLS^PAULA|N|||||||"
    "L-9|20260101"
)


def dispensed(*segments: str, control: str = "RE") -> Converted:
    return convert("RDS^O13", PATIENT, orc(control), *(segments or (RXD, RXR)))


def test_what_was_dispensed_belongs_to_its_prescription() -> None:
    found = dispensed(rxe(), RXD, RXR)
    made = found.one("MedicationDispense")
    assert (made["status"], made["whenHandedOver"]) == ("completed", "2024-03-06")
    assert made["quantity"] == {"value": Decimal(30), **UNIT}
    assert found.referred(made["authorizingPrescription"][0])["identifier"][0]["value"] == "RX-1"
    assert found.referred(made["performer"][0]["actor"])["name"][0]["family"] == "PILLS"
    assert (made["substitution"]["wasSubstituted"], codes(made["dosageInstruction"][0]["route"])) == (False, ["PO"])
    lot = found.referred(made["medicationReference"])["batch"]
    assert lot == {"lotNumber": "L-9", "expirationDate": "2026-01-01"}


def test_prescription_that_a_dispense_repeats_is_only_made_when_it_is_not_there() -> None:
    assert dispensed(rxe(), RXD).entry("MedicationRequest", "RX-1").intent == "create"


def test_dispense_without_its_order_names_the_number_of_the_prescription() -> None:
    found = dispensed()
    assert found.all("MedicationRequest") == []
    [prescription] = found.one("MedicationDispense")["authorizingPrescription"]
    assert (prescription["type"], prescription["identifier"]["value"]) == ("MedicationRequest", "RX-1")


def test_each_dispense_of_an_order_is_found_again() -> None:
    first, second = dispensed(rxe(), RXD), dispensed(rxe(), RXD.replace("RXD|1", "RXD|2"))
    keys = {
        next(one.key for one in found.conversion.entries if one.resource["resourceType"] == "MedicationDispense")
        for found in (first, second, dispensed(rxe(), RXD))
    }
    assert len(keys) == 2


@pytest.mark.parametrize(("control", "state"), [("RE", "completed"), ("CA", "cancelled"), ("DC", "stopped")])
def test_order_control_changes_the_state_of_a_dispense(control: str, state: str) -> None:
    assert dispensed(control=control).one("MedicationDispense")["status"] == state


RXA = (
    "RXA|0|1|{start}|{end}|314076^lisinopril 10 MG^RXNORM|1|TAB^tablet^UCUM||"
    "^Swallowed|5^NURSE^NINA||||||||{reason}||{status}|{action}"
)


def given(
    start: str = "202403050800", end: str = "202403050805", status: str = "CP", action: str = "A", reason: str = ""
) -> Converted:
    rxa = RXA.format(start=start, end=end, status=status, action=action, reason=reason)
    return convert("RAS^O17", PATIENT, orc("RE"), rxa, RXR)


def test_what_was_given_is_an_administration_and_no_immunization() -> None:
    found = given()
    made = found.one("MedicationAdministration")
    assert found.all("Immunization") == []
    assert (made["status"], codes(made["medicationCodeableConcept"])) == ("completed", ["314076"])
    assert made["effectivePeriod"] == {"start": "2024-03-05T08:00:00+01:00", "end": "2024-03-05T08:05:00+01:00"}
    assert made["dosage"]["dose"] == {"value": Decimal(1), **UNIT}
    assert codes(made["dosage"]["route"]) == ["PO"]
    assert found.referred(made["performer"][0]["actor"])["name"][0]["family"] == "NURSE"
    assert made["request"]["identifier"]["value"] == "RX-1"


def test_administration_without_an_end_is_a_moment() -> None:
    assert given(end="").one("MedicationAdministration")["effectiveDateTime"] == "2024-03-05T08:00:00+01:00"


@pytest.mark.parametrize(
    ("status", "action", "state"),
    [
        ("CP", "A", "completed"),
        ("PA", "A", "stopped"),
        ("RE", "A", "not-done"),
        ("NA", "A", "not-done"),
        ("CP", "D", "entered-in-error"),
    ],
)
def test_completion_and_action_are_the_state(status: str, action: str, state: str) -> None:
    assert given(status=status, action=action).one("MedicationAdministration")["status"] == state


def test_refusal_has_its_reason() -> None:
    made = given(status="RE", reason="00^Patient refused^L").one("MedicationAdministration")
    assert codes(made["statusReason"][0]) == ["00"]


def test_routing_instruction_is_an_additional_instruction_of_every_dosage() -> None:
    route = "RXR|PO^Oral^HL70162||||^Rinse the mouth"
    [dosage] = request(orc(), rxe(), route)["dosageInstruction"]
    assert [one["text"] for one in dosage["additionalInstruction"]] == ["Rinse the mouth"]


def test_routing_instruction_goes_along_with_what_is_dispensed() -> None:
    found = convert("RDS^O13", PATIENT, orc("RE"), rxe(), "RXD|1|1^drug|20240305|1", "RXR|PO^Oral||||^Chew")
    [dosage] = found.one("MedicationDispense")["dosageInstruction"]
    assert [one["text"] for one in dosage["additionalInstruction"]] == ["Chew"]


@pytest.mark.parametrize(
    ("event", "segments", "place"),
    [
        ("RDS^O13", [orc("RE"), rxe(), "RXD|1|1^drug|20240305|" + "|" * 14 + "|20241399"], "RXD-19.1"),
        ("RDS^O13", [orc("RE"), rxe(), "RXD|1|1^drug|yesterday"], "RXD-3.1"),
        ("RDE^O11", [orc(), "TQ1|1|||9999", rxe()], "TQ1-4.1"),
        ("RDE^O11", [orc(timing="1^BID^^20241399"), rxe()], "ORC-7.4"),
        ("RDE^O11", [orc(), rxe(timing="1^BID^^20241399")], "RXE-1.4"),
    ],
)
def test_value_that_cannot_be_read_is_told_with_its_field(event: str, segments: list[str], place: str) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(event, PATIENT, *segments)
    assert caught.value.place == place


def test_how_often_a_drug_is_given_is_taken_from_the_common_order_where_only_that_says_it() -> None:
    order = "ORC|NW|P1|||||^Q8H^D3^20240305"
    found = convert("RDE^O11", PATIENT, order, "RXE|1^^^20240305|D5W^Dextrose^L|1000||ML")
    timing = found.one("MedicationRequest")["dosageInstruction"][0]["timing"]
    assert timing["code"]["coding"][0]["code"] == "Q8H"
    assert "ORC-7" not in found.conversion.unmapped


def test_product_of_a_manufacturer_is_the_same_one_in_every_message() -> None:
    dispensed = "RXD|1|ASA^Aspirin^L|20240305|30|TAB|TAB|RX1|||||||||||LOT1|20250101|BAY^Bayer"
    keys = {
        entry.key
        for note in ("one", "two")
        for entry in convert("RDS^O13", PATIENT, "ORC|RE|P1|R1", dispensed, f"NTE|1||{note}").conversion.entries
        if entry.resource["resourceType"] == "Medication"
    }
    assert len(keys) == 1
