"""Money, insurers and documents by HL7 v2: what one message says of what an earlier one has stored."""

import base64
from typing import Any

import httpx2
import pytest

from hl7_bridge.er7 import parse
from tests.hl7_bridge.made import ER7, message, unique

pytestmark = pytest.mark.anyio

LATER = "20240502100000+0000"


async def send(fhir: httpx2.AsyncClient, type_: str, *segments: str, at: str = "20240501100000+0000") -> None:
    raw = message(*segments, type_=type_, control_id=unique("M"), at=at, sender="BILL|HOSP")
    answer = await fhir.post("http://test/hl7/v2", content=raw, headers={"content-type": ER7})
    ack = parse(answer.content).first("MSA")
    assert ack is not None, answer.text
    assert ack.value(1) == "AA", answer.text


async def one(fhir: httpx2.AsyncClient, type_: str, value: str) -> dict[str, Any]:
    bundle = (await fhir.get(f"/{type_}?identifier={value}")).raise_for_status().json()
    [entry] = bundle["entry"]
    found: dict[str, Any] = entry["resource"]
    return found


def person(id_: str, account: str = "") -> str:
    return f"PID|1||{id_}^^^HOSP^MR||DOE^JANE||19800101|F" + (f"||||||||||{account}^^^HOSP^AN" if account else "")


def charge(id_: str, type_: str, amount: str) -> str:
    return f"FT1|1|{id_}||20240501|20240501|{type_}|99213^Visit^C4|||1|{amount}&USD"


async def test_a_credit_with_the_number_of_a_stored_charge_takes_that_back(fhir: httpx2.AsyncClient) -> None:
    who, number = person(unique("cr"), unique("A")), unique("TX")
    await send(fhir, "DFT^P03", who, charge(number, "CG", "120.50"))
    await send(fhir, "DFT^P03", who, charge(number, "CR", "120.50"), at=LATER)
    stored = await one(fhir, "ChargeItem", number)
    assert (stored["status"], stored["priceOverride"]) == ("aborted", {"value": 120.5, "currency": "USD"})


async def test_a_credit_with_a_number_of_its_own_is_stored_below_zero(fhir: httpx2.AsyncClient) -> None:
    who, number, credit = person(unique("cr"), unique("A")), unique("TX"), unique("TX")
    await send(fhir, "DFT^P03", who, charge(number, "CG", "120.50"))
    await send(fhir, "DFT^P03", who, charge(credit, "CD", "20.25"), at=LATER)
    await send(fhir, "DFT^P03", who, charge(credit, "CD", "20.25"), at=LATER)
    stored = await one(fhir, "ChargeItem", credit)
    assert (stored["status"], stored["priceOverride"]["value"]) == ("billable", -20.25)
    assert (await one(fhir, "ChargeItem", number))["status"] == "billable"


async def test_an_account_that_ended_stays_so_when_a_visit_names_it(fhir: httpx2.AsyncClient) -> None:
    account = unique("A")
    who = person(unique("ac"), account)
    await send(fhir, "BAR^P01", who, "PV1|1|I")
    assert (await one(fhir, "Account", account))["status"] == "active"
    await send(fhir, "BAR^P06", who, "PV1|1|I", at=LATER)
    await send(fhir, "ADT^A08", who, "PV1|1|I", at="20240503100000+0000")
    assert (await one(fhir, "Account", account))["status"] == "inactive"


INSURED = "IN1|1|GOLD|PAY01|HEALTHFUND"
LINE = "PSL|1||1|||P|99213^Visit^C4||Visit|20240501||1|{0}&USD||{0}&USD|{0}&USD"


def invoice(number: str, amount: str = "312.40", control: str = "OR") -> str:
    return (
        f"IVC|{number}^HOSP|||{control}|NORM|FS|20240501|{amount}&USD||HOSPITAL^^^^^^XX^^^P7|HEALTHFUND^^^^^^NI^^^PAY01"
    )


async def billed(fhir: httpx2.AsyncClient, number: str, patient: str) -> dict[str, Any]:
    await send(
        fhir, "EHC^E01", invoice(number), "PSS|1||1", "PSG|1||1|Y", person(patient), INSURED, LINE.format("312.40")
    )
    return await one(fhir, "Claim", number)


async def test_a_cancelled_claim_keeps_its_lines_and_its_patient(fhir: httpx2.AsyncClient) -> None:
    number = unique("INV")
    before = await billed(fhir, number, unique("cl"))
    await send(fhir, "EHC^E02", invoice(number, "0", "CN"), at=LATER)
    after = await one(fhir, "Claim", number)
    assert after["status"] == "cancelled"
    for element in ("item", "patient", "insurance", "created", "total", "use"):
        assert after[element] == before[element]


async def test_a_claim_that_is_cancelled_before_it_came_is_stored_as_cancelled(fhir: httpx2.AsyncClient) -> None:
    number = unique("INV")
    await send(fhir, "EHC^E02", invoice(number, "0", "CN"))
    assert (await one(fhir, "Claim", number))["status"] == "cancelled"


async def test_an_answer_is_about_the_patient_of_its_claim(fhir: httpx2.AsyncClient) -> None:
    number, answer = unique("INV"), unique("IPR")
    claim = await billed(fhir, number, unique("an"))
    result = f"IPR|{answer}^FUND|{number}^HOSP|{unique('R')}^FUND|ADJ^Adjusted|20240507|300.40&USD"
    adjusted = "ADJ|1||1|PR|300.40&USD||CO45^Exceeds the fee schedule"
    await send(
        fhir, "EHC^E10", "MSA|AA|M0", result, invoice(number), "PSS|1||1", LINE.format("312.40"), adjusted, at=LATER
    )
    stored = await one(fhir, "ClaimResponse", answer)
    assert stored["patient"] == claim["patient"]
    assert stored["request"]["reference"] == f"Claim/{claim['id']}"
    assert stored["payment"]["amount"] == {"value": 300.4, "currency": "USD"}
    assert await one(fhir, "Claim", number) == claim


async def test_a_payment_names_the_answers_that_it_pays(fhir: httpx2.AsyncClient) -> None:
    number, answer, payment = unique("INV"), unique("IPR"), unique("PMT")
    claim = await billed(fhir, number, unique("py"))
    result = f"IPR|{answer}^FUND|{number}^HOSP|{unique('R')}^FUND|PAID|20240507|312.40&USD"
    advice = f"PMT|{payment}^FUND|20240508|||20240508|312.40&USD|CHK-1"
    await send(fhir, "EHC^E15", advice, "PYE|1|ORG", result, invoice(number), at=LATER)
    stored = await one(fhir, "PaymentReconciliation", payment)
    [part] = stored["detail"]
    assert part["request"]["reference"] == f"Claim/{claim['id']}"
    response = await one(fhir, "ClaimResponse", answer)
    assert part["response"]["reference"] == f"ClaimResponse/{response['id']}"
    assert (part["amount"]["value"], stored["paymentAmount"]["value"]) == (312.4, 312.4)


async def test_eligibility_is_asked_and_answered(fhir: httpx2.AsyncClient) -> None:
    patient = unique("el")
    control, question = unique("Q"), "20240501100000+0000"
    asked = message(person(patient), INSURED, type_="RQI^I01", control_id=control, at=question, sender="WARD|HOSP")
    await fhir.post("http://test/hl7/v2", content=asked, headers={"content-type": ER7})
    stored = await one(fhir, "CoverageEligibilityRequest", control)
    header = f"MSH|^~\\&|FUND|INS|WARD|HOSP|{LATER}||RPI^I01|{unique('A')}|P|2.5.1"
    answer = "\r".join((header, f"MSA|AA|{control}", person(patient), INSURED + "||||||||20240101|20241231")).encode()
    await fhir.post("http://test/hl7/v2", content=answer, headers={"content-type": ER7})
    bundle = (await fhir.get(f"/CoverageEligibilityResponse?request=CoverageEligibilityRequest/{stored['id']}")).json()
    [entry] = bundle["entry"]
    assert entry["resource"]["insurance"][0]["inforce"] is True
    assert entry["resource"]["patient"] == stored["patient"]


def document(number: str, *parts: str, parent: str = "", status: str = "AU") -> tuple[str, ...]:
    return (f"TXA|1|DS|TX|||||||||{number}^HOSP|{parent}||||{status}||AV", *parts)


async def test_a_document_keeps_its_content_when_only_its_status_changes(fhir: httpx2.AsyncClient) -> None:
    who, number = person(unique("dc")), unique("DOC")
    await send(fhir, "MDM^T02", who, *document(number, "OBX|1|TX|DS^Summary||Went home", status="DI"))
    await send(fhir, "MDM^T03", who, *document(number, status="LA"), at=LATER)
    stored = await one(fhir, "DocumentReference", number)
    assert stored["docStatus"] == "final"
    texts = [base64.b64decode(part["attachment"]["data"]) for part in stored["content"]]
    assert b"Went home" in texts


async def test_a_document_that_is_replaced_is_superseded_and_stays(fhir: httpx2.AsyncClient) -> None:
    who, first, second = person(unique("dc")), unique("DOC"), unique("DOC")
    await send(fhir, "MDM^T02", who, *document(first, "OBX|1|TX|DS^Summary||First"))
    again = document(second, "OBX|1|TX|DS^Summary||Second", parent=f"{first}^HOSP")
    await send(fhir, "MDM^T10", who, *again, at=LATER)
    old, new = await one(fhir, "DocumentReference", first), await one(fhir, "DocumentReference", second)
    assert (old["status"], new["status"]) == ("superseded", "current")
    assert base64.b64decode(old["content"][0]["attachment"]["data"]) == b"First"
    assert new["relatesTo"] == [{"code": "replaces", "target": {"reference": f"DocumentReference/{old['id']}"}}]
