"""CON: what a patient has agreed to, or not."""

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, codes, convert, segment

VISIT = segment("PV1", {2: "I", 3: "W1", 19: "V1^^^CITYHOSP^VN"})


def test_consent_says_who_agreed_to_what_and_until_when() -> None:
    line = (
        "CON|1|010^Anesthesia^HL70496|F-7 v2|C1^CITYHOSP|Risks explained|||||A||20240304|20240305|20250305||||||||||SEL"
    )
    found = convert("ADT^A01", PATIENT, VISIT, line)
    consent = found.one("Consent")
    assert (consent["status"], consent["dateTime"]) == ("active", "2024-03-04")
    assert codes(consent["category"][0]) == ["010"]
    assert codes(consent["scope"]) == ["treatment"]
    assert consent["provision"] == {"type": "permit", "period": {"start": "2024-03-05", "end": "2025-03-05"}}
    assert (consent["policyRule"]["text"], consent["sourceAttachment"]["title"]) == ("F-7 v2", "Risks explained")
    assert found.referred(consent["performer"][0])["resourceType"] == "Patient"


@pytest.mark.parametrize(("code", "status"), [("P", "proposed"), ("R", "rejected"), ("X", "inactive"), ("L", "active")])
def test_status_of_a_consent(code: str, status: str) -> None:
    assert convert("ADT^A31", PATIENT, segment("CON", {2: "010", 10: code})).one("Consent")["status"] == status


def test_notice_of_privacy_is_about_privacy_and_names_who_consented() -> None:
    line = segment("CON", {2: "003^Notice", 10: "A", 23: "LINDQVIST^ERIK", 24: "FTH"})
    consent = convert("ADT^A01", PATIENT, VISIT, line).one("Consent")
    assert codes(consent["scope"]) == ["patient-privacy"]
    assert consent["performer"] == [{"display": "ERIK LINDQVIST"}]


def test_content_of_a_document_comes_after_a_consent() -> None:
    text = "OBX|1|TX|1^Note||All well||||||F"
    found = convert(
        "MDM^T02",
        PATIENT,
        VISIT,
        segment("TXA", {2: "CN", 3: "TX", 4: "20240305", 12: "D1^CITYHOSP"}),
        segment("CON", {2: "001", 10: "P"}),
        text,
    )
    document = found.one("DocumentReference")
    assert document["content"][0]["attachment"]["contentType"].startswith("text/plain")
    assert found.one("Consent")["status"] == "proposed"
