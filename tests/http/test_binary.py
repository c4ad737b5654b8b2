"""Binary: raw or as a resource, small or large."""

import base64
import os

import httpx2
import pytest

pytestmark = pytest.mark.anyio

AS_RESOURCE = {"Accept": "application/fhir+json"}
LARGE = os.urandom(3_000_000)


@pytest.mark.parametrize("content", [b"\x89PNG\x00\xff", LARGE], ids=["small", "large"])
async def test_raw_content_comes_back_raw_and_as_a_resource(fhir: httpx2.AsyncClient, content: bytes) -> None:
    created = await fhir.post("/Binary", content=content, headers={"content-type": "image/png"})
    assert 201 == created.status_code
    url = created.headers["location"].split("/_history")[0]
    raw = await fhir.get(url)
    assert ("image/png", content) == (raw.headers["content-type"], raw.content)
    assert "nosniff" == raw.headers["x-content-type-options"]
    assert ("Accept, Accept-Encoding" if content is LARGE else "Accept") == raw.headers["vary"]
    answer = await fhir.get(url, headers={**AS_RESOURCE, "accept-encoding": "identity"})
    assert raw.headers["vary"] == answer.headers["vary"]
    resource = answer.json()
    assert ("image/png", content) == (resource["contentType"], base64.b64decode(resource["data"]))


async def test_a_large_binary_keeps_its_versions(fhir: httpx2.AsyncClient) -> None:
    first, second = base64.b64encode(LARGE).decode(), base64.b64encode(LARGE[::-1]).decode()
    sent = {"resourceType": "Binary", "contentType": "application/pdf", "data": first}
    created = (await fhir.post("/Binary", json=sent, headers=AS_RESOURCE)).json()
    assert first == created["data"]
    url = f"/Binary/{created['id']}"
    await fhir.put(url, json={**created, "data": second}, headers=AS_RESOURCE)
    assert second == (await fhir.get(url, headers=AS_RESOURCE)).json()["data"]
    assert first == (await fhir.get(f"{url}/_history/1", headers=AS_RESOURCE)).json()["data"]
    entries = (await fhir.get(f"{url}/_history")).json()["entry"]
    assert [second, first] == [entry["resource"]["data"] for entry in entries]


async def test_the_security_context_header_becomes_the_element_and_comes_back(fhir: httpx2.AsyncClient) -> None:
    headers = {"content-type": "text/plain", "X-Security-Context": "Patient/1"}
    created = await fhir.post("/Binary", content=b"hi", headers=headers)
    url = created.headers["location"]
    assert {"reference": "Patient/1"} == (await fhir.get(url, headers=AS_RESOURCE)).json()["securityContext"]
    assert "Patient/1" == (await fhir.get(url)).headers["x-security-context"]


async def test_a_raw_put_creates_under_the_id_of_the_url(fhir: httpx2.AsyncClient) -> None:
    created = await fhir.put("/Binary/raw-put", content=b"hi", headers={"content-type": "text/plain"})
    assert created.status_code in (200, 201)
    assert b"hi" == (await fhir.get("/Binary/raw-put")).content


async def test_the_content_type_keeps_its_parameters(fhir: httpx2.AsyncClient) -> None:
    created = await fhir.post("/Binary", content=b"\xe4", headers={"content-type": "text/plain; charset=iso-8859-1"})
    read = await fhir.get(created.headers["location"])
    assert ("text/plain; charset=iso-8859-1", b"\xe4") == (read.headers["content-type"], read.content)


@pytest.mark.parametrize("content_type", ["text/plain\nX-Evil: 1", "tëxt/plain"])
async def test_a_stored_type_that_is_no_header_value_does_not_become_one(
    fhir: httpx2.AsyncClient, content_type: str
) -> None:
    sent = {
        "resourceType": "Binary",
        "contentType": content_type,
        "securityContext": {"reference": "Patient/1\nX-Evil: 1"},
        "data": "aGk=",
    }
    created = await fhir.post("/Binary", json=sent, headers=AS_RESOURCE)
    if created.status_code == 201:
        read = await fhir.get(created.headers["location"])
        assert ("application/octet-stream", b"hi") == (read.headers["content-type"], read.content)
        assert "x-security-context" not in read.headers
    else:
        assert 400 == created.status_code
