"""update, update-as-create and conditional update."""

import asyncio
from uuid import uuid4

import httpx2
import pytest

from tests.make import SYSTEM, identified, patient

pytestmark = pytest.mark.anyio


async def test_an_update_makes_the_next_version(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient(gender="male", birthDate="1980-01-01"))).json()
    response = await fhir.put(f"/Patient/{created['id']}", json=patient(id=created["id"], gender="female"))
    updated = response.json()
    assert (200, "2", "female") == (response.status_code, updated["meta"]["versionId"], updated["gender"])
    assert "birthDate" not in updated
    assert updated["meta"]["lastUpdated"] > created["meta"]["lastUpdated"]


async def test_an_update_that_changes_nothing_makes_no_version(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    response = await fhir.put(f"/Patient/{created['id']}", json=created)
    assert (200, created) == (response.status_code, response.json())
    assert 'W/"1"' == response.headers["etag"]


async def test_a_put_to_a_new_id_creates(fhir: httpx2.AsyncClient) -> None:
    id_ = str(uuid4())
    response = await fhir.put(f"/Patient/{id_}", json=patient(id=id_))
    assert (201, id_) == (response.status_code, response.json()["id"])


async def test_a_put_brings_a_deleted_resource_back(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    await fhir.delete(f"/Patient/{created['id']}")
    response = await fhir.put(f"/Patient/{created['id']}", json=created)
    assert (201, "3") == (response.status_code, response.json()["meta"]["versionId"])


@pytest.mark.parametrize("body_id", [{}, {"id": "other"}])
async def test_a_body_with_another_id_than_the_url_is_400(fhir: httpx2.AsyncClient, body_id: dict[str, str]) -> None:
    response = await fhir.put(f"/Patient/{uuid4()}", json=patient(**body_id))
    assert 400 == response.status_code


async def test_a_stale_if_match_is_412_and_changes_nothing(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    url = f"/Patient/{created['id']}"
    await fhir.put(url, json={**created, "gender": "female"})
    response = await fhir.put(url, json={**created, "gender": "other"}, headers={"If-Match": 'W/"1"'})
    assert 412 == response.status_code
    assert "female" == (await fhir.get(url)).json()["gender"]


async def test_of_fifty_parallel_updates_with_one_if_match_one_wins(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    url = f"/Patient/{created['id']}"
    bodies = [{**created, "multipleBirthInteger": number} for number in range(50)]
    answers = await asyncio.gather(*(fhir.put(url, json=body, headers={"If-Match": 'W/"1"'}) for body in bodies))
    assert [200] + [412] * 49 == sorted(answer.status_code for answer in answers)
    assert "2" == (await fhir.get(url)).json()["meta"]["versionId"]


async def test_parallel_updates_without_if_match_all_become_versions(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    url = f"/Patient/{created['id']}"
    bodies = [{**created, "multipleBirthInteger": number} for number in range(20)]
    answers = await asyncio.gather(*(fhir.put(url, json=body) for body in bodies))
    assert {200} == {answer.status_code for answer in answers}
    assert [str(number) for number in range(2, 22)] == sorted(
        (answer.json()["meta"]["versionId"] for answer in answers), key=int
    )


async def test_a_conditional_update_without_match_creates(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    params = {"identifier": f"{SYSTEM}|{value}"}
    response = await fhir.put("/Patient", params=params, json=patient(identifier=identified(value)))
    assert 201 == response.status_code


async def test_a_conditional_update_with_one_match_replaces_it(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    created = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()
    sent = patient(identifier=identified(value), gender="male")
    response = await fhir.put("/Patient", params={"identifier": f"{SYSTEM}|{value}"}, json=sent)
    assert (200, created["id"], "male") == (response.status_code, response.json()["id"], response.json()["gender"])


async def test_a_conditional_update_whose_body_names_another_id_is_400(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    await fhir.post("/Patient", json=patient(identifier=identified(value)))
    response = await fhir.put("/Patient", params={"identifier": f"{SYSTEM}|{value}"}, json=patient(id="other"))
    assert 400 == response.status_code


async def test_a_conditional_update_without_match_whose_body_names_what_is_there_is_409(
    fhir: httpx2.AsyncClient,
) -> None:
    other = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    url, body = f"/Patient?identifier={SYSTEM}|{uuid4()}", patient(id=other["id"], gender="female")
    refused = await fhir.put(url, json=body)
    assert (409, "duplicate") == (refused.status_code, refused.json()["issue"][0]["code"])
    assert other == (await fhir.get(f"/Patient/{other['id']}")).json()
    await fhir.delete(f"/Patient/{other['id']}")
    again = await fhir.put(url, json=body)
    assert (201, "3") == (again.status_code, again.json()["meta"]["versionId"])


async def test_a_conditional_update_with_two_matches_is_412(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    for _ in range(2):
        await fhir.post("/Patient", json=patient(identifier=identified(value)))
    response = await fhir.put("/Patient", params={"identifier": f"{SYSTEM}|{value}"}, json=patient())
    assert 412 == response.status_code


async def test_a_conditional_update_without_criteria_is_400(fhir: httpx2.AsyncClient) -> None:
    assert 400 == (await fhir.put("/Patient", json=patient())).status_code


async def test_prefer_minimal_keeps_the_status_of_an_update(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    headers = {"Prefer": "return=minimal"}
    response = await fhir.put(f"/Patient/{created['id']}", json={**created, "active": True}, headers=headers)
    assert (200, b"", 'W/"2"') == (response.status_code, response.content, response.headers["etag"])
