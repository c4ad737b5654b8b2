"""Insurance: policies (IN1, IN2), questions about them (RQI, RPI), invoices and their answers (EHC)."""

from decimal import Decimal

import pytest

from hl7_bridge.actions import Inherit
from hl7_bridge.er7 import parse
from tests.hl7_bridge.maps.converted import PATIENT, RECEIVED, Converted, Resource, codes, convert, converter

IN1 = {
    1: "1", 2: "GOLD^Gold plan", 3: "PAY01^^^PAYERS", 4: "HEALTHFUND", 5: "1 FUND ST^^OSLO", 6: "DOE^DORA",
    7: "^WPN^PH^^^47^22", 8: "GRP-22", 9: "Staff", 12: "20240101", 13: "20241231", 15: "HMO^Health maintenance^HL70086",
    36: "POL-9", 37: "150&USD",
}  # fmt: skip


def segment(name: str, fields: dict[int, str]) -> str:
    return "|".join((name, *(fields.get(number, "") for number in range(1, max(fields) + 1))))


def in1(
    name: str = "LINDQVIST^ERIK", relation: str = "SPO", born: str = "19770202", sex: str = "M", **more: str
) -> str:
    """IN1 with these fields; `more` has others by their number: `_49="S-1"`."""
    others = {int(number.lstrip("_")): text for number, text in more.items()}
    return segment("IN1", IN1 | {16: name, 17: relation, 18: born, 43: sex} | others)


def insured(*segments: str) -> Converted:
    return convert("ADT^A04", PATIENT, "PV1|1|O", *(segments or (in1(),)))


def coverage(*segments: str) -> Resource:
    return insured(*segments).one("Coverage")


def test_policy_is_a_coverage_of_the_patient() -> None:
    found = insured()
    made = found.one("Coverage")
    assert (made["status"], codes(made["type"]), made["order"]) == ("active", ["HMO"], 1)
    assert made["period"] == {"start": "2024-01-01", "end": "2024-12-31"}
    assert made["subscriberId"] == "POL-9"
    assert found.referred(made["beneficiary"])["resourceType"] == "Patient"
    assert [(codes(one["type"])[0], one["value"], one["name"]) for one in made["class"]] == [
        ("plan", "GOLD", "Gold plan"),
        ("group", "GRP-22", "Staff"),
    ]
    assert made["costToBeneficiary"][0]["valueMoney"] == {"value": Decimal(150), "currency": "USD"}


def test_insurer_has_number_name_address_and_contact() -> None:
    found = insured()
    payor = found.referred(found.one("Coverage")["payor"][0])
    assert (payor["name"], payor["identifier"]) == (
        "HEALTHFUND",
        [{"system": "urn:hl7v2:authority:PAYERS", "value": "PAY01", "assigner": {"display": "PAYERS"}}],
    )
    assert (payor["address"][0]["city"], payor["contact"][0]["name"]["family"]) == ("OSLO", "DOE")


def test_insurer_without_a_number_is_known_by_its_name() -> None:
    payor = insured("IN1|1|GOLD||HEALTHFUND").one("Coverage")["payor"]
    assert payor[0]["display"] == "HEALTHFUND"


def test_policy_without_an_insurer_is_paid_by_the_patient() -> None:
    found = insured("IN1|1|SELFPAY")
    assert found.referred(found.one("Coverage")["payor"][0])["resourceType"] == "Patient"


def test_another_insured_person_is_the_subscriber() -> None:
    found = insured()
    made = found.one("Coverage")
    person = found.referred(made["subscriber"])
    assert (person["resourceType"], person["name"][0]["given"], person["birthDate"], person["gender"]) == (
        "RelatedPerson", ["ERIK"], "1977-02-02", "male",
    )  # fmt: skip
    assert codes(made["relationship"]) == ["spouse", "SPO"]


@pytest.mark.parametrize(
    ("name", "relation", "born"),
    [
        ("LINDQVIST^MARTA", "SEL", "19790412"),
        ("LINDQVIST^MARTA^E", "", "19790412"),
        ("", "SEL", ""),
        ("Lindqvist^Marta", "18", ""),
        ("LINDQVIST^MARTA", "1", ""),
    ],
)
def test_patient_who_is_insured_is_the_subscriber(name: str, relation: str, born: str) -> None:
    found = insured(in1(name, relation, born, ""))
    assert found.all("RelatedPerson") == []
    assert found.referred(found.one("Coverage")["subscriber"])["resourceType"] == "Patient"


def test_namesake_with_another_birthday_is_not_the_patient() -> None:
    assert insured(in1("LINDQVIST^MARTA", "", "20100101", "")).one("RelatedPerson")["birthDate"] == "2010-01-01"


def test_policy_of_a_family_is_another_coverage_for_each_of_them() -> None:
    child = PATIENT.replace("778899", "778900").replace("MARTA", "MIA")
    keys = [
        next(one.key for one in found.conversion.entries if one.resource["resourceType"] == "Coverage")
        for found in (insured(), convert("ADT^A04", child, in1()), insured())
    ]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_member_number_is_an_identifier() -> None:
    identifiers = coverage(in1(_49="S-1^^^FUND"), "IN2" + "|" * 61 + "M-7^^^FUND")["identifier"]
    kinds = {one["value"]: codes(one["type"]) for one in identifiers if "coding" in one.get("type", {})}
    assert kinds["M-7"] == ["MB"]
    assert coverage(in1(_49="S-1^^^FUND"))["subscriberId"] == "S-1"


def test_deleted_policy_is_cancelled() -> None:
    assert coverage(in1(_55="D"))["status"] == "cancelled"


PROVIDER = "PRD|RP^Referring provider|HANSEN^PER^^^DR|||||P-101^NPI"


def test_question_about_insurance_is_an_eligibility_request() -> None:
    found = convert("RQI^I01", PROVIDER, PATIENT, in1())
    asked = found.one("CoverageEligibilityRequest")
    assert (asked["status"], asked["purpose"], asked["created"]) == (
        "active", ["validation", "benefits"], "2024-03-05T10:15:00+01:00",
    )  # fmt: skip
    assert asked["identifier"] == [{"system": "urn:hl7v2:sender:WARD%7CCITYHOSP", "value": "M1"}]
    assert found.referred(asked["patient"])["resourceType"] == "Patient"
    assert found.referred(asked["insurer"])["name"] == "HEALTHFUND"
    assert found.referred(asked["provider"])["name"][0]["family"] == "HANSEN"
    assert found.referred(asked["insurance"][0]["coverage"])["resourceType"] == "Coverage"


def test_question_without_a_policy_asks_who_insures() -> None:
    found = convert("RQI^I01", PROVIDER, "PRD|RT|HEALTHFUND INSURANCE", PATIENT)
    asked = found.one("CoverageEligibilityRequest")
    assert asked["purpose"] == ["discovery"]
    assert found.referred(asked["insurer"])["name"] == "HEALTHFUND INSURANCE"


def answered(code: str = "AA", text: str = "", policy: str = "") -> Converted:
    return convert("RPI^I01", f"MSA|{code}|Q-7|{text}", PROVIDER, PATIENT, policy or in1(), sender="FUND|INS")


def test_answer_belongs_to_the_question_of_whom_it_goes_to() -> None:
    found = answered()
    response = found.one("CoverageEligibilityResponse")
    question = found.referred(response["request"])
    assert question["identifier"] == [{"system": "urn:hl7v2:sender:FHIRSRV%7CCITYHOSP", "value": "Q-7"}]
    assert (response["outcome"], response["insurance"][0]["inforce"]) == ("complete", True)
    assert found.one("MessageHeader")["response"] == {"identifier": "Q-7", "code": "ok"}


def test_policy_that_has_ended_is_not_in_force() -> None:
    assert answered(policy=in1(_13="20240131")).one("CoverageEligibilityResponse")["insurance"][0]["inforce"] is False


def test_question_that_could_not_be_answered_is_an_error_with_its_reason() -> None:
    response = answered("AE", "member unknown").one("CoverageEligibilityResponse")
    assert (response["outcome"], response["error"][0]["code"]["text"]) == ("error", "member unknown")


IVC = (
    "IVC|INV-1^HOSP|{payer}||{control}|NORM|FS|20240304|512.40&USD||"
    "CITY HOSPITAL^^^^^^XX^^^P7|HEALTHFUND^^^^^^NI^^^PAY01"
)
FIRST = "PSL|1||1|T1||P|99213^Office visit^C4|25^Separate^C4|Visit|20240301||2^1|156.20&USD||312.40&USD|312.40&USD"
SECOND = "PSL|2||2|T2||P|85025^CBC^C4||Blood count|20240301|20240303|1|200.00&USD||200.00&USD|200.00&USD"


def ivc(control: str = "OR", payer: str = "") -> str:
    return IVC.format(control=control, payer=payer)


def invoiced(*segments: str, event: str = "EHC^E01") -> Converted:
    lines = segments or (
        "PYE|1|ORG",
        "PSS|1||1",
        "PSG|1||1|Y",
        PATIENT,
        in1(),
        "DG1|1||I10^Hypertension^I10|||F",
        FIRST,
        SECOND,
    )
    return convert(event, ivc(), *lines, version="2.6")


def test_invoice_is_a_claim_of_its_lines() -> None:
    found = invoiced()
    claim = found.one("Claim")
    assert (claim["status"], claim["use"], claim["created"]) == ("active", "claim", "2024-03-04")
    assert claim["total"] == {"value": Decimal("512.40"), "currency": "USD"}
    assert (found.referred(claim["provider"])["name"], found.referred(claim["insurer"])["name"]) == (
        "CITY HOSPITAL",
        "HEALTHFUND",
    )
    first, second = claim["item"]
    assert (first["sequence"], codes(first["productOrService"]), codes(first["modifier"][0])) == (1, ["99213"], ["25"])
    assert first["unitPrice"] == {"value": Decimal("156.20"), "currency": "USD"}
    assert (first["net"]["value"], first["servicedDate"]) == (Decimal("312.40"), "2024-03-01")
    assert second["servicedPeriod"] == {"start": "2024-03-01", "end": "2024-03-03"}
    assert found.referred(claim["diagnosis"][0]["diagnosisReference"])["resourceType"] == "Condition"
    assert [(one["sequence"], one["focal"]) for one in claim["insurance"]] == [(1, True)]
    assert codes(claim["payee"]["type"]) == ["provider"]


@pytest.mark.parametrize(
    ("control", "use"),
    [("OR", "claim"), ("PA", "preauthorization"), ("OA", "preauthorization"), ("PD", "predetermination")],
)
def test_control_says_what_the_claim_is_for(control: str, use: str) -> None:
    found = convert("EHC^E01", ivc(control), PATIENT, in1(), FIRST, version="2.6")
    assert found.one("Claim")["use"] == use


def test_each_invoice_of_a_message_is_a_claim() -> None:
    other = ivc().replace("INV-1", "INV-2")
    found = convert("EHC^E01", ivc(), PATIENT, in1(), FIRST, other, PATIENT, in1(), SECOND, version="2.6")
    billed = {one["identifier"][0]["value"]: codes(one["item"][0]["productOrService"]) for one in found.all("Claim")}
    assert billed == {"INV-1": ["99213"], "INV-2": ["85025"]}


def test_cancelled_invoice_says_no_more_than_that() -> None:
    entry = convert("EHC^E02", ivc("CN"), version="2.6").entry("Claim", "INV-1")
    assert (entry.resource["status"], entry.intent) == ("cancelled", "upsert")
    kept = {name for name, joining in entry.merge.items() if joining == "keep"}
    assert entry.resource.keys() - kept == {"resourceType", "identifier", "status"}


def test_cancelled_line_does_not_cancel_the_invoice() -> None:
    found = convert("EHC^E02", ivc("CL"), "PYE|1|ORG", "PSS|1||1", "PSG|1||1|Y", FIRST, version="2.6")
    assert "status" in found.entry("Claim", "INV-1").merge


def test_reassessment_is_a_task_about_the_claim() -> None:
    found = convert("EHC^E04", ivc("RA"), "NTE|1||Please look again", version="2.6")
    task = found.one("Task")
    assert (task["status"], codes(task["code"]), task["description"]) == (
        "requested",
        ["reprocess"],
        "Please look again",
    )
    assert found.referred(task["focus"])["resourceType"] == "Claim"
    assert found.entry("Claim", "INV-1").intent == "reference"


IPR = "IPR|IPR-1^FUND|INV-1^HOSP|R-9^FUND|{status}|20240307|400.00&USD|20240401"
PAID = "ADJ|A1||1|PR|312.40&USD"
CUT = "ADJ|A2||2|PA|-112.40&USD||CO45^Over the fee schedule^L"


def decided(status: str = "ADJ^Adjudicated with adjustments") -> Converted:
    lines = ("PSS|1||1|512.40&USD", "PSG|1||1|Y|512.40&USD", FIRST, PAID, SECOND, CUT)
    return convert("EHC^E10", "MSA|AA|M0", IPR.format(status=status), ivc(), *lines, sender="FUND|INS", version="2.6")


def test_result_is_the_response_to_the_claim() -> None:
    found = decided()
    response = found.one("ClaimResponse")
    assert (response["outcome"], response["disposition"]) == ("complete", "Adjudicated with adjustments")
    assert response["payment"]["amount"] == {"value": Decimal("400.00"), "currency": "USD"}
    assert response["payment"]["date"] == "2024-04-01"
    assert found.referred(response["request"])["identifier"][0]["value"] == "INV-1"
    assert {codes(one["category"])[0]: one["amount"]["value"] for one in response["total"]} == {
        "submitted": Decimal("512.40"),
        "benefit": Decimal("400.00"),
    }
    first, second = response["item"]
    assert [(codes(one["category"])[0], one["amount"]["value"]) for one in first["adjudication"]] == [
        ("submitted", Decimal("312.40")),
        ("benefit", Decimal("312.40")),
    ]
    cut = second["adjudication"][1]
    assert (codes(cut["category"]), codes(cut["reason"]), cut["amount"]["value"]) == (
        ["PA"],
        ["CO45"],
        Decimal("-112.40"),
    )


def test_patient_of_the_response_is_that_of_the_claim() -> None:
    found = decided()
    [action] = found.conversion.actions
    assert isinstance(action, Inherit)
    assert action.element == "patient"
    assert found.referred({"reference": action.source})["resourceType"] == "Claim"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("ACK", "queued"), ("PEND", "queued"), ("ADJSUB", "complete"), ("PAID", "complete"), ("REJECT^No cover", "error")],
)
def test_status_of_the_result_is_the_outcome(status: str, outcome: str) -> None:
    response = decided(status).one("ClaimResponse")
    assert response["outcome"] == outcome
    assert ("error" in response) == (outcome == "error")


def test_request_for_information_is_a_communication_request() -> None:
    request = (
        "RFI|20240310|20240401",
        ivc(),
        "PSS|1||1",
        "PSG|1||1|Y",
        PATIENT,
        FIRST,
        "OBR|1|||34133-9^Summary of care^LN",
    )
    found = convert("EHC^E12", *request, sender="FUND|INS", version="2.6")
    asked = found.one("CommunicationRequest")
    assert (asked["authoredOn"], asked["occurrenceDateTime"]) == ("2024-03-10", "2024-04-01")
    assert asked["payload"] == [{"contentString": "Summary of care"}]
    assert found.referred(asked["about"][0])["resourceType"] == "Claim"
    assert found.referred(asked["subject"])["resourceType"] == "Patient"


def test_remittance_is_a_payment_of_claims_and_its_adjustments() -> None:
    advice = "PMT|PMT-1^FUND|20240408|||20240407|390.00&USD|CHK-1^BANK||||HEALTHFUND^^^^^^NI^^^PAY01"
    lines = ("PSS|1||1", "PSG|1||1|Y", FIRST, PAID, "ADJ|A9||1|EA|-10.00&USD||||||||||20240407")
    found = convert(
        "EHC^E15",
        advice,
        "PYE|1|ORG|||",
        IPR.format(status="PAID"),
        ivc(),
        *lines[:3],
        sender="FUND|INS",
        version="2.6",
    )
    paid = found.one("PaymentReconciliation")
    assert (paid["created"], paid["paymentDate"]) == ("2024-04-07", "2024-04-07")
    assert (paid["paymentAmount"]["value"], paid["paymentIdentifier"]["value"]) == (Decimal("390.00"), "CHK-1")
    assert found.referred(paid["paymentIssuer"])["name"] == "HEALTHFUND"
    [part] = paid["detail"]
    assert (codes(part["type"]), part["amount"]["value"]) == (["payment"], Decimal("400.00"))
    assert found.referred(part["response"])["resourceType"] == "ClaimResponse"
    assert found.referred(part["request"])["resourceType"] == "Claim"


def test_remittance_that_repeats_the_lines_alone_leaves_what_was_decided_of_them() -> None:
    advice = ("PMT|PMT-1^FUND|20240408|||20240407|390.00&USD", "PYE|1|ORG|||", IPR.format(status="PAID"), ivc())
    lines = ("PSS|1||1", "PSG|1||1|Y", FIRST)
    alone = convert("EHC^E15", *advice, *lines, sender="FUND|INS", version="2.6")
    assert alone.entry("ClaimResponse", "IPR-1").merge.get("item") == "keep"
    assert decided().entry("ClaimResponse", "IPR-1").merge.get("item") is None


def test_invoice_number_without_an_authority_is_the_providers_in_question_and_answer() -> None:
    bare = ivc().replace("INV-1^HOSP", "INV-1")
    asked = convert("EHC^E01", bare, PATIENT, in1(), FIRST, sender="BILL|HOSP", version="2.6")
    answer = (IPR.format(status="PAID").replace("INV-1^HOSP", "INV-1"), bare)
    header = "MSH|^~\\&|FUND|INS|BILL|HOSP|20240308||EHC^E10|A1|P|2.6"
    message = parse("\r".join((header, *answer)).encode())
    found = Converted(converter().convert(message, received=RECEIVED))
    assert found.entry("Claim", "INV-1").key == asked.entry("Claim", "INV-1").key


def test_patient_who_answers_for_the_bill_of_a_visit_without_account_is_no_related_person() -> None:
    assert insured("GT1|1||LINDQVIST^MARTA^E|||||19790412|||SEL").all("RelatedPerson") == []


def test_comment_on_a_line_is_information_that_its_item_names() -> None:
    found = invoiced(PATIENT, in1(), FIRST, SECOND, "NTE|1||Taken at home")
    claim = found.one("Claim")
    assert [one.get("informationSequence") for one in claim["item"]] == [None, [1]]
    assert [(one["sequence"], one["valueString"]) for one in claim["supportingInfo"]] == [(1, "Taken at home")]


@pytest.mark.parametrize(
    ("payee", "type_", "party"),
    [
        ("PYE|1|ORG||LAB LTD", "provider", "Organization"),
        ("PYE|1|PPER|||DOC^DAN", "provider", "Practitioner"),
        ("PYE|1|PERS|||LINDQVIST^MARTA", "other", "Patient"),
    ],
)
def test_payee_is_an_organization_a_provider_or_the_patient(payee: str, type_: str, party: str) -> None:
    found = invoiced(payee, PATIENT, in1(), FIRST)
    paid = found.one("Claim")["payee"]
    assert (codes(paid["type"]), found.referred(paid["party"])["resourceType"]) == ([type_], party)


def test_somebody_else_who_is_paid_is_a_name() -> None:
    assert invoiced("PYE|1|EMPL|||BOSS^BO", PATIENT, in1(), FIRST).one("Claim")["payee"]["party"] == {
        "display": "BO BOSS"
    }


def test_numbers_of_guarantor_and_insured_are_those_of_one_person() -> None:
    found = insured("GT1|1|G-1|LINDQVIST^ERIK", in1(_49="S-1"))
    assert {"G-1", "S-1"} < {one["value"] for one in found.one("RelatedPerson")["identifier"]}
    assert found.conversion.notes == ()


SUBSCRIBER = "http://hl7.org/fhir/5.0/StructureDefinition/extension-subscriberId"


def test_number_of_the_insured_keeps_its_authority() -> None:
    [extension] = coverage(in1(_49="S-1^^^PAYERS^MB"))["extension"]
    assert extension["url"] == SUBSCRIBER
    assert (extension["valueIdentifier"]["system"], extension["valueIdentifier"]["value"]) == (
        "urn:hl7v2:authority:PAYERS",
        "S-1",
    )


def test_employer_of_the_insured_is_known_by_its_number() -> None:
    holder = coverage(in1(_10="E-7^^^FIRMS"))["policyHolder"]
    assert (holder["type"], holder["identifier"]["value"]) == ("Organization", "E-7")


def test_number_of_the_employer_stands_beside_its_name() -> None:
    found = insured(in1(_10="E-7^^^FIRMS", _11="ACME"))
    holder = found.one("Coverage")["policyHolder"]
    assert (found.referred(holder)["name"], holder["identifier"]["value"]) == ("ACME", "E-7")


def test_subscriber_number_among_the_employers_is_the_subscribers() -> None:
    made = coverage(in1(_10="S-2^^^PAYERS^SN"))
    assert [one["valueIdentifier"]["value"] for one in made["extension"]] == ["S-2"]
    assert "policyHolder" not in made


def test_case_manager_of_the_insurer_is_in_the_care_team() -> None:
    found = insured(in1(), segment("IN3", {1: "1", 21: "KARLSSON, EVA"}))
    team = found.one("CareTeam")
    [manager] = team["participant"]
    assert (codes(manager["role"][0]), manager["member"]["display"]) == (["768832004"], "KARLSSON, EVA")
    assert found.referred(team["subject"])["resourceType"] == "Patient"


def test_certification_without_case_manager_makes_no_care_team() -> None:
    assert insured(in1(), segment("IN3", {1: "1", 2: "C-1"})).all("CareTeam") == []


def test_who_does_a_service_and_who_answers_for_it_are_the_care_team_of_its_line() -> None:
    line = FIRST + "|" * 12 + "77^BERG^LISA|78^DAHL^UNO"
    found = convert("EHC^E01", "IVC|INV-1||||OR", line, SECOND + "|" * 13 + "78^DAHL^UNO", PATIENT, version="2.6")
    claim = found.one("Claim")
    team = {one["sequence"]: one for one in claim["careTeam"]}
    assert [one["careTeamSequence"] for one in claim["item"]] == [[1, 2], [2]]
    assert found.referred(team[2]["provider"])["name"][0]["family"] == "DAHL"
    assert ("responsible" in team[1], team[2]["responsible"]) == (False, True)


def test_patient_s_relation_to_the_subscriber_stands_in_for_the_insured_s_to_the_patient() -> None:
    found = convert("ADT^A01", PATIENT, "IN1|1|GOLD|PAY1|FUND", "IN2" + "|" * 72 + "SPO^Spouse")
    assert codes(found.one("Coverage")["relationship"])[0] == "spouse"
