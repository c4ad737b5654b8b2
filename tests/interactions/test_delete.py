"""delete and conditional delete."""

import asyncio
from uuid import uuid4

import httpx2
import pytest

from tests.make import SYSTEM, identified, patient

pytestmark = pytest.mark.anyio


async def test_a_delete_answers_204(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    response = await fhir.delete(f"/Patient/{created['id']}")
    assert (204, b"", 'W/"2"') == (response.status_code, response.content, response.headers["etag"])


async def test_a_delete_whose_caller_wants_an_outcome_answers_200_with_it(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    response = await fhir.delete(f"/Patient/{created['id']}", headers={"Prefer": "return=OperationOutcome"})
    assert (200, "OperationOutcome") == (response.status_code, response.json()["resourceType"])


async def test_deleting_twice_is_no_error_and_no_version(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    for _ in range(2):
        assert 204 == (await fhir.delete(f"/Patient/{created['id']}")).status_code
    assert 2 == (await fhir.get(f"/Patient/{created['id']}/_history")).json()["total"]


async def test_deleting_what_never_existed_is_no_error(fhir: httpx2.AsyncClient) -> None:
    assert 204 == (await fhir.delete(f"/Patient/{uuid4()}")).status_code


async def test_a_stale_if_match_keeps_the_resource(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    response = await fhir.delete(f"/Patient/{created['id']}", headers={"If-Match": 'W/"7"'})
    assert 412 == response.status_code
    assert 200 == (await fhir.get(f"/Patient/{created['id']}")).status_code


async def test_a_conditional_delete_removes_the_one_match(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    created = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()
    params = {"identifier": f"{SYSTEM}|{value}"}
    assert 204 == (await fhir.delete("/Patient", params=params)).status_code
    assert 410 == (await fhir.get(f"/Patient/{created['id']}")).status_code
    assert 204 == (await fhir.delete("/Patient", params=params)).status_code


async def test_a_conditional_delete_with_two_matches_is_412_and_keeps_both(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    made = [(await fhir.post("/Patient", json=patient(identifier=identified(value)))).json() for _ in range(2)]
    assert 412 == (await fhir.delete("/Patient", params={"identifier": f"{SYSTEM}|{value}"})).status_code
    assert [200, 200] == [(await fhir.get(f"/Patient/{one['id']}")).status_code for one in made]


@pytest.mark.parametrize("query", ["", "?_format=json", "?identifier="])
async def test_a_conditional_delete_without_criteria_is_400(fhir: httpx2.AsyncClient, query: str) -> None:
    assert 400 == (await fhir.delete(f"/Patient{query}")).status_code


async def test_a_conditional_delete_leaves_what_no_longer_matches_when_its_turn_comes(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    created = (await fhir.post("/Patient", json=patient(identifier=identified(value), active=True))).json()
    params = {"identifier": f"{SYSTEM}|{value}", "active": "true"}
    retire = fhir.patch(
        "/Patient",
        params=params,
        content='{"active":false}',
        headers={"content-type": "application/merge-patch+json"},
    )
    patched, deleted = await asyncio.gather(retire, fhir.delete("/Patient", params=params))
    left = (await fhir.get(f"/Patient/{created['id']}")).status_code
    assert (204, left) == (deleted.status_code, {200: 200, 404: 410}[patched.status_code])
