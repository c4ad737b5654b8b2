"""read, vread and HEAD: what comes back is what was sent."""

import json
from email.utils import parsedate_to_datetime

import httpx2
import pytest

from tests.make import observation, patient

pytestmark = pytest.mark.anyio


async def test_a_read_gives_what_was_created_with_id_and_meta(fhir: httpx2.AsyncClient) -> None:
    sent = patient(active=True, name=[{"family": "Ünlü", "given": ["A"]}], birthDate="1980-02")
    created = (await fhir.post("/Patient", json=sent)).json()
    read = (await fhir.get(f"/Patient/{created['id']}")).json()
    assert created == read
    assert sent == {key: value for key, value in read.items() if key not in ("id", "meta")}


async def test_a_read_tells_version_and_time_in_its_headers(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    response = await fhir.get(f"/Patient/{created['id']}")
    assert 'W/"1"' == response.headers["etag"]
    modified = parsedate_to_datetime(response.headers["last-modified"])
    assert created["meta"]["lastUpdated"][:19] == modified.isoformat()[:19]
    assert "application/fhir+json" == response.headers["content-type"]


async def test_decimals_come_back_digit_by_digit(fhir: httpx2.AsyncClient) -> None:
    text = json.dumps(observation(valueQuantity={"value": "@"})).replace('"@"', "7.50")
    response = await fhir.post("/Observation", content=text, headers={"content-type": "application/fhir+json"})
    assert '"value":7.50' in (await fhir.get(f"/Observation/{response.json()['id']}")).text


async def test_head_has_the_headers_of_get_and_no_body(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    get, head = await fhir.get(f"/Patient/{created['id']}"), await fhir.head(f"/Patient/{created['id']}")
    assert (200, b"") == (head.status_code, head.content)
    assert get.headers["etag"] == head.headers["etag"]
    assert get.headers["content-length"] == head.headers["content-length"]


async def test_what_never_existed_is_404_with_an_outcome(fhir: httpx2.AsyncClient) -> None:
    response = await fhir.get("/Patient/never-was")
    assert 404 == response.status_code
    assert "not-found" == response.json()["issue"][0]["code"]


async def test_what_was_deleted_is_410_with_an_outcome(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    await fhir.delete(f"/Patient/{created['id']}")
    response = await fhir.get(f"/Patient/{created['id']}")
    assert 410 == response.status_code
    assert "deleted" == response.json()["issue"][0]["code"]


async def test_if_none_match_with_the_current_version_is_304(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    response = await fhir.get(f"/Patient/{created['id']}", headers={"If-None-Match": 'W/"1"'})
    assert (304, b"") == (response.status_code, response.content)


async def test_if_modified_since_the_last_change_is_304(fhir: httpx2.AsyncClient) -> None:
    created = await fhir.post("/Patient", json=patient())
    headers = {"If-Modified-Since": created.headers["last-modified"]}
    assert 304 == (await fhir.get(f"/Patient/{created.json()['id']}", headers=headers)).status_code


async def test_old_versions_stay_readable(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    await fhir.put(f"/Patient/{created['id']}", json={**created, "gender": "female"})
    first = (await fhir.get(f"/Patient/{created['id']}/_history/1")).json()
    second = (await fhir.get(f"/Patient/{created['id']}/_history/2")).json()
    assert ("male", "1") == (first["gender"], first["meta"]["versionId"])
    assert ("female", "2") == (second["gender"], second["meta"]["versionId"])


@pytest.mark.parametrize("version", ["9", "0", "01", "x", "%C2%B2", "99999999999999999999"])
async def test_versions_that_never_were_are_404(fhir: httpx2.AsyncClient, version: str) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    assert 404 == (await fhir.get(f"/Patient/{created['id']}/_history/{version}")).status_code


async def test_the_version_that_a_delete_made_is_410(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    await fhir.delete(f"/Patient/{created['id']}")
    assert 410 == (await fhir.get(f"/Patient/{created['id']}/_history/2")).status_code
    assert 200 == (await fhir.get(f"/Patient/{created['id']}/_history/1")).status_code


async def test_summary_and_elements_cut_a_read_and_say_so(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient(gender="male", birthDate="1980-01-01"))).json()
    cut = (await fhir.get(f"/Patient/{created['id']}", params={"_elements": "gender"})).json()
    assert ("male", False) == (cut["gender"], "birthDate" in cut)
    assert "SUBSETTED" == cut["meta"]["tag"][0]["code"]


async def test_elements_that_the_type_does_not_have_are_refused_only_when_strict(fhir: httpx2.AsyncClient) -> None:
    url = f"/Patient/{(await fhir.post('/Patient', json=patient(gender='male'))).json()['id']}"
    strict = {"Prefer": "handling=strict"}
    assert 200 == (await fhir.get(url, params={"_elements": "nonsense"})).status_code
    known = "id,gender,Patient.deceased,deceasedBoolean,contact.name"
    assert 200 == (await fhir.get(url, params={"_elements": known}, headers=strict)).status_code
    refused = await fhir.get(url, params={"_elements": "gender,nonsense"}, headers=strict)
    assert (400, ["_elements"]) == (refused.status_code, refused.json()["issue"][0]["expression"])
    assert "'nonsense'" in refused.json()["issue"][0]["diagnostics"]


async def test_pretty_text_has_lines(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    assert "\n  " in (await fhir.get(f"/Patient/{created['id']}", params={"_pretty": "true"})).text
