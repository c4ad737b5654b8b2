"""Vaccinations (VXU V04)."""

from decimal import Decimal

import pytest

from tests.hl7_bridge.maps.converted import PATIENT, Converted, Resource, codes, convert

ORC = "ORC|RE|PL-1^EHR|FI-1^REG||||||20240302|||77^ORDER^OLGA"
RXA = (
    "RXA|0|1|20240301||208^COVID-19^CVX|0.3|mL^milliliter^UCUM||00^New^NIP001|88^GIVER^GUS|^^^CLINIC-2||||L77|20250131|"
    "PFR^Pfizer^MVX|||{status}|{action}|20240303"
)
RXR = "RXR|IM^Intramuscular^HL70162|LD^Left deltoid^HL70163"
LN = "^LN|"


def vaccination(*segments: str, status: str = "CP", action: str = "A") -> Converted:
    return convert("VXU^V04", PATIENT, ORC, RXA.format(status=status, action=action), *segments)


def dose(*segments: str, **parts: str) -> Resource:
    return vaccination(*segments, **parts).one("Immunization")


def test_dose_that_was_given_is_a_completed_immunization() -> None:
    found = vaccination(RXR)
    given = found.one("Immunization")
    assert given["status"] == "completed"
    assert given["vaccineCode"]["coding"][0] == {
        "system": "http://hl7.org/fhir/sid/cvx", "code": "208", "display": "COVID-19",
    }  # fmt: skip
    assert given["occurrenceDateTime"] == "2024-03-01"
    assert given["doseQuantity"] == {
        "value": Decimal("0.3"), "unit": "milliliter", "system": "http://unitsofmeasure.org", "code": "mL",
    }  # fmt: skip
    assert (given["lotNumber"], given["expirationDate"]) == ("L77", "2025-01-31")
    assert (codes(given["route"]), codes(given["site"])) == (["IM"], ["LD"])
    assert found.referred(given["patient"])["resourceType"] == "Patient"
    assert found.referred(given["manufacturer"])["name"] == "Pfizer"
    assert found.referred(given["location"])["name"] == "CLINIC-2"
    assert given["primarySource"] is True


def test_who_ordered_and_who_gave_a_dose_are_told_apart() -> None:
    found = vaccination()
    performers = found.one("Immunization")["performer"]
    named = {codes(one["function"])[0]: found.referred(one["actor"])["name"][0]["family"] for one in performers}
    assert named == {"OP": "ORDER", "AP": "GIVER"}


def test_dose_is_found_again_by_the_number_of_the_filler() -> None:
    assert vaccination().entry("Immunization", "FI-1").key == "identifier=urn:hl7v2:authority:REG|FI-1"


def test_entry_time_of_an_added_dose_is_when_it_was_recorded() -> None:
    assert dose()["recorded"] == "2024-03-03"
    assert dose(action="U")["recorded"] == "2024-03-02"


@pytest.mark.parametrize(
    ("sent", "status"), [("CP", "completed"), ("PA", "completed"), ("NA", "not-done"), ("", "completed")]
)
def test_completion_status_is_the_status(sent: str, status: str) -> None:
    assert dose(status=sent)["status"] == status


def test_dose_given_in_part_is_subpotent() -> None:
    given = dose(status="PA")
    assert (given["isSubpotent"], codes(given["subpotentReason"][0])) == (True, ["partial"])


def test_deleted_dose_was_entered_in_error() -> None:
    assert dose(action="D")["status"] == "entered-in-error"


def test_refused_dose_is_not_done_with_its_reason_and_no_amount() -> None:
    refused = "RXA|0|1|20240301||21^Varicella^CVX|999||||||||||||00^Parental decision^NIP002||RE|A"
    found = convert("VXU^V04", PATIENT, "ORC|RE||9999^REG", refused).one("Immunization")
    assert (found["status"], codes(found["statusReason"])) == ("not-done", ["00"])
    assert "doseQuantity" not in found


def test_number_that_stands_for_none_identifies_nothing() -> None:
    one = "RXA|0|1|20240301||21^Varicella^CVX|999||||||||||||||RE|A"
    other = "RXA|0|1|20240301||94^MMRV^CVX|999||||||||||||||RE|A"
    found = convert("VXU^V04", PATIENT, "ORC|RE||9999^REG", one, "ORC|RE||9999^REG", other)
    assert [codes(dose["vaccineCode"]) for dose in found.all("Immunization")] == [["21"], ["94"]]
    assert (
        len({entry.key for entry in found.conversion.entries if entry.resource["resourceType"] == "Immunization"}) == 2
    )


def test_dose_of_the_past_is_reported_by_another_source() -> None:
    past = "RXA|0|1|2012||88^Influenza^CVX|999|||01^Historical^NIP001"
    found = convert("VXU^V04", PATIENT, "ORC|RE||FI-2^REG", past).one("Immunization")
    assert (found["primarySource"], codes(found["reportOrigin"])) == (False, ["01"])
    assert found["occurrenceDateTime"] == "2012"


def test_dose_of_an_unknown_day_still_is_an_immunization() -> None:
    found = convert("VXU^V04", PATIENT, "RXA|0|1|||88^Influenza^CVX|999").one("Immunization")
    assert found["occurrenceString"] == "unknown"


def test_eligibility_and_funding_are_elements_of_the_immunization() -> None:
    found = vaccination(
        f"OBX|1|CE|64994-7^Eligibility{LN}1|V02^Medicaid^HL70064||||||F",
        f"OBX|2|CE|30963-3^Funding{LN}2|VXC50^Public^CDCPHINVS||||||F",
    )
    given = found.one("Immunization")
    assert (codes(given["programEligibility"][0]), codes(given["fundingSource"])) == (["V02"], ["VXC50"])
    assert found.all("Observation") == []


def test_information_statements_are_told_apart_by_their_sub_id() -> None:
    given = dose(
        f"OBX|1|CE|30956-7^Vaccine type{LN}1|208^COVID-19^CVX||||||F",
        f"OBX|2|TS|29768-9^Published{LN}1|20230915||||||F",
        f"OBX|3|TS|29769-7^Presented{LN}1|20240301||||||F",
        f"OBX|4|CE|69764-9^Document{LN}2|253088698300^Td statement^cdcgs1vis||||||F",
    )
    assert given["education"] == [
        {
            "id": "statement-1", "documentType": "COVID-19 (208)", "publicationDate": "2023-09-15",
            "presentationDate": "2024-03-01",
        },
        {"id": "statement-2", "documentType": "Td statement (253088698300)"},
    ]  # fmt: skip


def test_any_other_observation_is_part_of_the_immunization() -> None:
    found = vaccination(f"OBX|1|CE|31044-1^Reaction{LN}1|39579001^Anaphylaxis^SCT||||||F")
    reaction = found.one("Observation")
    assert found.referred(reaction["partOf"][0])["resourceType"] == "Immunization"
    assert codes(reaction["valueCodeableConcept"]) == ["39579001"]


def test_date_of_a_statement_that_is_no_date_stays_an_observation() -> None:
    found = vaccination(f"OBX|1|CE|29769-7^Presented{LN}1|PHC70^Private^CDCPHINVS||||||F")
    assert "education" not in found.one("Immunization")
    assert codes(found.one("Observation")["valueCodeableConcept"]) == ["PHC70"]


def test_observation_about_the_patient_is_no_part_of_a_dose() -> None:
    found = convert(
        "VXU^V04", PATIENT, "OBX|1|NM|29463-7^Weight^LN||70|kg^^UCUM|||||F", ORC, RXA.format(status="CP", action="A")
    )
    assert "partOf" not in found.one("Observation")


def test_each_dose_of_a_message_without_orders_is_an_immunization() -> None:
    doses = [f"RXA|0|{number}|2024030{number}||{code}^Vaccine^CVX|1" for number, code in ((1, "20"), (2, "94"))]
    found = convert("VXU^V04", PATIENT, *doses, version="2.3.1").all("Immunization")
    assert [codes(one["vaccineCode"]) for one in found] == [["20"], ["94"]]
