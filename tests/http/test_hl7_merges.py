"""Merges as a hospital system asks for them: whatever refers to the prior record, wherever it does, is re-pointed."""

import json
from typing import Any

import httpx2
import pytest

from tests.hl7_bridge.made import ER7, message, unique
from tests.make import bundle, entry

pytestmark = pytest.mark.anyio


async def send(fhir: httpx2.AsyncClient, event: str, *segments: str) -> None:
    raw = message("EVN||20240501100000+0000", *segments, type_=f"ADT^{event}", control_id=unique("M"))
    answer = await fhir.post("http://test/hl7/v2", content=raw, headers={"content-type": ER7})
    assert "MSA|AA" in answer.text, answer.text


def pid(number: str, account: str = "") -> str:
    return f"PID|1||{number}^^^HOSP^MR||DOE^JANE||19800101|F" + ("|" * 10 + f"{account}^^^HOSP^AN" if account else "")


async def reference(fhir: httpx2.AsyncClient, type_: str, number: str) -> str:
    found = (await fhir.get(f"/{type_}?identifier=urn:hl7v2:authority:HOSP|{number}")).raise_for_status().json()
    return f"{type_}/{found['entry'][0]['resource']['id']}"


async def created(fhir: httpx2.AsyncClient, *resources: dict[str, Any]) -> list[str]:
    new = bundle("transaction", *(entry("POST", one["resourceType"], one) for one in resources))
    answer = (await fhir.post("/", json=new)).raise_for_status().json()
    return [
        one["response"]["location"].partition("/_history")[0].removeprefix("http://test/fhir/")
        for one in answer["entry"]
    ]


async def test_what_no_search_parameter_finds_is_re_pointed_to_the_surviving_patient(fhir: httpx2.AsyncClient) -> None:
    prior, survivor = unique("M"), unique("M")
    await send(fhir, "A28", pid(prior))
    await send(fhir, "A28", pid(survivor))
    old, new = [{"reference": await reference(fhir, "Patient", one)} for one in (prior, survivor)]
    coverage = {"resourceType": "Coverage", "id": "c", "status": "active", "beneficiary": old, "payor": [old]}
    places = await created(
        fhir,
        {"resourceType": "Account", "status": "active", "guarantor": [{"party": old}]},
        {"resourceType": "Task", "status": "requested", "intent": "order", "restriction": {"recipient": [old]}},
        {"resourceType": "Location", "extension": [{"url": "http://example.org/of", "valueReference": old}]},
        {"resourceType": "Basic", "code": {"text": "x"}, "contained": [coverage], "extension": [
            {"url": "http://example.org/by", "valueReference": {"reference": "#c"}}]},
    )  # fmt: skip
    await send(fhir, "A40", pid(survivor), f"MRG|{prior}^^^HOSP^MR")
    for place in places:
        text = json.dumps((await fhir.get(f"/{place}")).json())
        assert old["reference"] not in text, place
        assert new["reference"] in text, place


async def test_what_no_search_parameter_finds_is_re_pointed_to_the_surviving_visit(fhir: httpx2.AsyncClient) -> None:
    patient, prior, survivor = unique("M"), unique("MV"), unique("MV")
    for visit in (prior, survivor):
        await send(fhir, "A01", pid(patient), "PV1|1|I|W1" + "|" * 16 + f"{visit}^^^HOSP^VN")
    person = {"reference": await reference(fhir, "Patient", patient)}
    old, new = [{"reference": await reference(fhir, "Encounter", one)} for one in (prior, survivor)]
    vaccine = {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "x"}, "patient": person,
               "encounter": old, "occurrenceString": "today"}  # fmt: skip
    (place,) = await created(fhir, vaccine)
    await send(fhir, "A42", pid(patient), f"MRG|{patient}^^^HOSP^MR||||{prior}^^^HOSP^VN",
               "PV1|1|I|W1" + "|" * 16 + f"{survivor}^^^HOSP^VN")  # fmt: skip
    assert new == (await fhir.get(f"/{place}")).json()["encounter"]


async def test_what_no_search_parameter_finds_is_re_pointed_to_the_surviving_account(fhir: httpx2.AsyncClient) -> None:
    patient, prior, survivor = unique("M"), unique("MA"), unique("MA")
    for account in (prior, survivor):
        await send(fhir, "A04", pid(patient, account), "PV1|1|O|W1" + "|" * 16 + f"{unique('MV')}^^^HOSP^VN")
    old, new = [{"reference": await reference(fhir, "Account", one)} for one in (prior, survivor)]
    payment = {"resourceType": "PaymentReconciliation", "status": "active", "created": "2024-05-01",
               "paymentDate": "2024-05-01", "paymentAmount": {"value": 1, "currency": "EUR"},
               "detail": [{"type": {"text": "payment"}, "request": old}]}  # fmt: skip
    (place,) = await created(fhir, payment)
    await send(fhir, "A35", pid(patient, survivor), f"MRG|{patient}^^^HOSP^MR||{prior}^^^HOSP^AN")
    assert new == (await fhir.get(f"/{place}")).json()["detail"][0]["request"]
