"""patch, in its three kinds."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.make import SYSTEM, identified, patient

pytestmark = pytest.mark.anyio

JSON_PATCH = {"content-type": "application/json-patch+json"}
MERGE_PATCH = {"content-type": "application/merge-patch+json"}


def fhirpath_patch(**parts: Any) -> dict[str, Any]:
    listed = [{"name": name, **value} for name, value in parts.items()]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": listed}]}


async def created(fhir: httpx2.AsyncClient, **elements: Any) -> str:
    return f"/Patient/{(await fhir.post('/Patient', json=patient(**elements))).json()['id']}"


async def test_a_json_patch_makes_the_next_version(fhir: httpx2.AsyncClient) -> None:
    url = await created(fhir, gender="male", name=[{"given": ["x"]}])
    operations = [{"op": "remove", "path": "/gender"}, {"op": "add", "path": "/name/0/given/-", "value": "y"}]
    response = await fhir.patch(url, content=json.dumps(operations), headers=JSON_PATCH)
    patched = response.json()
    assert (200, "2") == (response.status_code, patched["meta"]["versionId"])
    assert (False, [{"given": ["x", "y"]}]) == ("gender" in patched, patched["name"])


async def test_a_merge_patch_removes_by_null(fhir: httpx2.AsyncClient) -> None:
    url = await created(fhir, gender="male")
    response = await fhir.patch(url, content='{"gender":null,"active":true}', headers=MERGE_PATCH)
    assert (True, False) == (response.json()["active"], "gender" in response.json())


async def test_a_fhirpath_patch(fhir: httpx2.AsyncClient) -> None:
    url = await created(fhir, birthDate="1920-01-01")
    document = fhirpath_patch(
        type={"valueCode": "replace"},
        path={"valueString": "Patient.birthDate"},
        value={"valueDate": "1930-01-01"},
    )
    assert "1930-01-01" == (await fhir.patch(url, json=document)).json()["birthDate"]


async def test_history_tells_that_a_patch_made_the_version(fhir: httpx2.AsyncClient) -> None:
    url = await created(fhir)
    await fhir.patch(url, content='{"active":true}', headers=MERGE_PATCH)
    entries = (await fhir.get(f"{url}/_history")).json()["entry"]
    assert ["PATCH", "POST"] == [entry["request"]["method"] for entry in entries]


@pytest.mark.parametrize(
    "content",
    ["", "[{", "null", "3", '[{"op":"fly","path":"/x"}]', '[{"op":"replace","path":"/name/3/family","value":"x"}]'],
)
async def test_a_patch_that_cannot_be_applied_is_4xx_and_changes_nothing(
    fhir: httpx2.AsyncClient, content: str
) -> None:
    url = await created(fhir)
    response = await fhir.patch(url, content=content, headers=JSON_PATCH)
    assert response.status_code in (400, 422)
    assert "OperationOutcome" == response.json()["resourceType"]
    assert 'W/"1"' == (await fhir.get(url)).headers["etag"]


async def test_a_result_that_is_no_valid_resource_is_400(fhir: httpx2.AsyncClient) -> None:
    url = await created(fhir)
    response = await fhir.patch(url, content='{"gender":"martian"}', headers=MERGE_PATCH)
    assert (400, ["Patient.gender"]) == (response.status_code, response.json()["issue"][0]["expression"])


@pytest.mark.parametrize("content", ['{"id":"other"}', '{"id":null}', '{"resourceType":"Group"}'])
async def test_type_and_id_cannot_be_patched(fhir: httpx2.AsyncClient, content: str) -> None:
    url = await created(fhir)
    assert 422 == (await fhir.patch(url, content=content, headers=MERGE_PATCH)).status_code


async def test_a_stale_if_match_is_412(fhir: httpx2.AsyncClient) -> None:
    url = await created(fhir)
    headers = {**MERGE_PATCH, "If-Match": 'W/"9"'}
    assert 412 == (await fhir.patch(url, content='{"active":true}', headers=headers)).status_code


async def test_nothing_to_patch_is_404_and_410(fhir: httpx2.AsyncClient) -> None:
    assert 404 == (await fhir.patch(f"/Patient/{uuid4()}", content="{}", headers=MERGE_PATCH)).status_code
    url = await created(fhir)
    await fhir.delete(url)
    assert 410 == (await fhir.patch(url, content="{}", headers=MERGE_PATCH)).status_code


async def test_a_conditional_patch_needs_exactly_one_match(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    params = {"identifier": f"{SYSTEM}|{value}"}

    async def patch() -> httpx2.Response:
        return await fhir.patch("/Patient", params=params, content='{"active":true}', headers=MERGE_PATCH)

    assert 404 == (await patch()).status_code
    await created(fhir, identifier=identified(value))
    assert (200, True) == ((response := await patch()).status_code, response.json()["active"])
    await created(fhir, identifier=identified(value))
    assert 412 == (await patch()).status_code


async def test_a_conditional_patch_changes_only_what_matches_when_its_turn_comes(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    await created(fhir, identifier=identified(value), active=True)
    params = {"identifier": f"{SYSTEM}|{value}", "active": "true"}
    answers = await asyncio.gather(
        *(fhir.patch("/Patient", params=params, content='{"active":false}', headers=MERGE_PATCH) for _ in range(5))
    )
    assert [200, 404, 404, 404, 404] == sorted(answer.status_code for answer in answers)
