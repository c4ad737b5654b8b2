"""create and conditional create."""

import asyncio
from uuid import uuid4

import httpx2
import pytest

from tests.make import SYSTEM, identified, observation, patient

pytestmark = pytest.mark.anyio


async def test_a_create_answers_201_with_the_versioned_location(fhir: httpx2.AsyncClient) -> None:
    response = await fhir.post("/Patient", json=patient())
    assert 201 == response.status_code
    assert f"http://test/fhir/Patient/{response.json()['id']}/_history/1" == response.headers["location"]


async def test_id_and_version_of_the_body_are_replaced(fhir: httpx2.AsyncClient) -> None:
    meta = {"versionId": "7", "lastUpdated": "1999-01-01T00:00:00Z", "tag": [{"code": "kept"}]}
    created = (await fhir.post("/Patient", json=patient(id="mine", meta=meta))).json()
    assert "mine" != created["id"]
    assert ("1", [{"code": "kept"}]) == (created["meta"]["versionId"], created["meta"]["tag"])
    assert created["meta"]["lastUpdated"] > "2000"


async def test_a_body_of_another_type_is_400(fhir: httpx2.AsyncClient) -> None:
    response = await fhir.post("/Patient", json=observation())
    assert 400 == response.status_code
    assert ["resourceType"] == response.json()["issue"][0]["expression"]


async def test_all_issues_come_at_once_each_with_its_place(fhir: httpx2.AsyncClient) -> None:
    sent = patient(gender="martian", active="yes", contact=[{}, {"telecom": [{"system": "pigeon"}]}])
    response = await fhir.post("/Patient", json=sent)
    places = {issue["expression"][0] for issue in response.json()["issue"]}
    assert 400 == response.status_code
    assert {"Patient.gender", "Patient.active", "Patient.contact[0]", "Patient.contact[1].telecom[0].system"} <= places


async def test_prefer_minimal_has_no_body(fhir: httpx2.AsyncClient) -> None:
    response = await fhir.post("/Patient", json=patient(), headers={"Prefer": "return=minimal"})
    assert (201, b"") == (response.status_code, response.content)


async def test_prefer_operation_outcome_has_one(fhir: httpx2.AsyncClient) -> None:
    response = await fhir.post("/Patient", json=patient(), headers={"Prefer": "return=OperationOutcome"})
    assert "OperationOutcome" == response.json()["resourceType"]


async def test_if_none_exist_without_match_creates(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    headers = {"If-None-Exist": f"identifier={SYSTEM}|{value}"}
    response = await fhir.post("/Patient", json=patient(identifier=identified(value)), headers=headers)
    assert 201 == response.status_code


async def test_if_none_exist_with_a_match_answers_it_and_stores_nothing(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    first = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()
    headers = {"If-None-Exist": f"identifier={SYSTEM}|{value}"}
    sent = patient(identifier=identified(value), gender="male")
    response = await fhir.post("/Patient", json=sent, headers=headers)
    assert (200, first) == (response.status_code, response.json())


async def test_if_none_exist_with_two_matches_is_412(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    for _ in range(2):
        await fhir.post("/Patient", json=patient(identifier=identified(value)))
    headers = {"If-None-Exist": f"identifier={SYSTEM}|{value}"}
    response = await fhir.post("/Patient", json=patient(), headers=headers)
    assert (412, "multiple-matches") == (response.status_code, response.json()["issue"][0]["code"])


@pytest.mark.parametrize("criteria", ["", "identifier=", "nonsense=1", "birthdate=yesterday", "name=%zz"])
async def test_impossible_criteria_are_400(fhir: httpx2.AsyncClient, criteria: str) -> None:
    response = await fhir.post("/Patient", json=patient(), headers={"If-None-Exist": criteria})
    assert 400 == response.status_code


async def test_fifty_parallel_conditional_creates_make_one_resource(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    headers = {"If-None-Exist": f"identifier={SYSTEM}|{value}"}
    sent = patient(identifier=identified(value))
    responses = await asyncio.gather(*(fhir.post("/Patient", json=sent, headers=headers) for _ in range(50)))
    assert [200] * 49 + [201] == sorted(response.status_code for response in responses)
    assert 1 == len({response.json()["id"] for response in responses})
