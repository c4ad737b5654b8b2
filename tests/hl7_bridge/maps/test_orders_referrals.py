from typing import Any

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, Converted, at, codes, convert, segment

RF1 = {
    1: "P", 2: "S^Stat^HL70280", 3: "MED^Medical^HL70281", 5: "O^Outpatient^HL70284", 6: "R-1^GP", 7: "20240305",
    8: "20240605", 9: "20240304", 10: "2ND^Second opinion^L", 11: "E-1^CLINIC",
}  # fmt: skip
REFERRING = "PRD|RP^Referring^HL70286|POWELL^ROBERT^^^DR|Birch Rd 4^^Uppsala||^WPN^PH^^^18^5551212||L-77^SL^State"
REFERRED = "PRD|RT^Referred to^HL70286|BERG^LISA|||||L-88^SL^State"


def referral(*segments: str, event: str = "I12", status: str = "P", **fields: str) -> Converted:
    request = segment("RF1", RF1 | {1: status}, **fields)
    return convert(f"REF^{event}", request, *(segments or (REFERRING, REFERRED)), PATIENT)


def request(**parts: str) -> dict[str, Any]:
    return referral(**parts).one("ServiceRequest")


def test_referral_is_a_request_with_type_reason_and_time() -> None:
    found = request()
    assert (found["status"], found["intent"], found["priority"]) == ("active", "order", "stat")
    assert codes(found["code"]) == ["MED"]
    assert codes(found["category"][0]) == ["O"]
    assert codes(found["reasonCode"][0]) == ["2ND"]
    assert found["occurrencePeriod"] == {"start": "2024-03-05", "end": "2024-06-05"}
    assert found["authoredOn"] == "2024-03-04"


def test_referral_is_found_again_by_its_originating_number() -> None:
    assert referral().entry("ServiceRequest", "R-1").key == "identifier=urn:hl7v2:authority:GP|R-1"


@pytest.mark.parametrize(("status", "meaning"), [("A", "active"), ("R", "revoked"), ("E", "revoked")])
def test_status_of_the_referral(status: str, meaning: str) -> None:
    assert request(status=status)["status"] == meaning


def test_cancelled_referral_is_revoked_whatever_its_status_says() -> None:
    assert request(event="I14", status="A")["status"] == "revoked"


def test_providers_ask_and_perform() -> None:
    found = referral()
    asked = found.one("ServiceRequest")
    assert found.referred(asked["requester"])["name"][0]["family"] == "POWELL"
    assert [found.referred(one)["name"][0]["family"] for one in asked["performer"]] == ["BERG"]


@pytest.mark.parametrize("role", ["RP", "RT", "CP"])
def test_provider_has_numbers_address_and_telephone(role: str) -> None:
    found = referral(REFERRING.replace("RP^Referring", role)).identified("Practitioner", "L-77")
    assert found["address"][0]["city"] == "Uppsala"
    assert found["telecom"][0]["system"] == "phone"


def test_provider_without_a_number_is_known_by_name() -> None:
    first = referral("PRD|RP|POWELL^ROBERT").one("Practitioner")["identifier"]
    again = referral("PRD|RP|POWELL^ROBERT", event="I13").one("Practitioner")["identifier"]
    assert first == again


@pytest.mark.parametrize("role", ["RT", "CP"])
def test_every_provider_without_a_number_is_known_by_name(role: str) -> None:
    assert referral(f"PRD|{role}|POWELL^ROBERT").one("Practitioner")["identifier"]


def test_referral_has_the_number_of_the_receiver_too() -> None:
    assert [one["value"] for one in request()["identifier"]] == ["R-1", "E-1"]


@pytest.mark.parametrize(
    ("field", "text", "path", "value"),
    [
        ("_4", "AM^Assume management^HL70282", "orderDetail.0.coding.0.code", "AM"),
        ("_14", "Cough for weeks", "reasonCode.1.text", "Cough for weeks"),
        ("_24", "Please call first", "note.0.text", "Please call first"),
    ],
)
def test_field_of_a_referral(field: str, text: str, path: str, value: str) -> None:
    assert at(request(**{field: text}), path) == value


def test_number_of_authorized_treatments() -> None:
    assert request(_15="6^visits")["quantityQuantity"]["value"] == 6


def test_authorized_organization_and_professional_perform() -> None:
    found = referral(REFERRING, _19="North Clinic^L^44", _20="77^BERG^LISA")
    performers = [found.referred(one)["resourceType"] for one in found.one("ServiceRequest")["performer"]]
    assert performers == ["Organization", "Practitioner"]


def test_diagnoses_and_visit_belong_to_the_referral() -> None:
    visit = "PV1|1|O|OPD" + "|" * 16 + "V1^^^CITYHOSP^VN"
    message = (segment("RF1", RF1), PATIENT, "DG1|1||E11.9^Diabetes type 2^I10", visit)
    found = convert("REF^I12", *message)
    asked = found.one("ServiceRequest")
    assert codes(found.referred(asked["reasonReference"][0])["code"]) == ["E11.9"]
    assert found.referred(asked["encounter"])["identifier"][0]["value"] == "V1"


def test_coverage_insures_the_referral() -> None:
    found = convert("REF^I12", segment("RF1", RF1), PATIENT, "IN1|1|GOLD^Gold plan|INS1|First Insurance")
    assert found.referred(found.one("ServiceRequest")["insurance"][0])["resourceType"] == "Coverage"


def test_other_providers_are_kept_without_a_part() -> None:
    found = referral("PRD|CP^Consulting^HL70286|GRAY^ANN|Elm Rd 1^^Lund||^WPN^PH^^^18^5551313||L-99^SL^State")
    assert found.identified("Practitioner", "L-99")["name"][0]["family"] == "GRAY"
    assert "requester" not in found.one("ServiceRequest")


def test_referral_without_a_number_is_found_again_by_what_it_is() -> None:
    first, again = (referral(_6="", _11="", event=event).one("ServiceRequest") for event in ("I12", "I13"))
    assert first["identifier"] == again["identifier"]


def test_what_the_payor_has_authorised_goes_with_the_referral() -> None:
    line = "AUT|PPO^Plan|1234^Good Health^PAYORS|GOOD HEALTH|20240301|20240901|A-99^GH|500^EUR|12|10||||AP"
    found = convert("REF^I12", "RF1|A||MED||||||20240301||F9^CLINIC", line, PATIENT)
    allowed = found.one("ClaimResponse")
    assert (allowed["use"], allowed["preAuthRef"]) == ("preauthorization", "A-99")
    assert allowed["preAuthPeriod"] == {"start": "2024-03-01", "end": "2024-09-01"}
    assert allowed["insurer"]["display"] == "GOOD HEALTH"
    assert allowed["total"][0]["amount"] == {"value": 500, "currency": "EUR"}
    assert found.referred(allowed["patient"])["resourceType"] == "Patient"
    referral = found.one("ServiceRequest")
    assert found.referred(referral["insurance"][0]) == allowed
    assert referral["quantityQuantity"]["value"] == 10


def test_comment_at_the_end_is_about_the_referral_and_not_about_the_patient() -> None:
    comment = "NTE|1|P|Please see within two weeks"
    found = convert("REF^I12", segment("RF1", RF1), REFERRING, PATIENT, "DG1|1||I20.9^Angina^I10", comment)
    assert [one["text"] for one in found.one("ServiceRequest")["note"]] == ["Please see within two weeks"]
    assert "extension" not in found.one("Patient")


def test_comment_of_a_message_without_a_referral_makes_none() -> None:
    found = convert("REF^I12", REFERRING, PATIENT, "NTE|1|P|Please see")
    assert found.all("ServiceRequest") == []
    assert "NTE-3" in found.conversion.unmapped
