"""Bad input: always an OperationOutcome, never a server error, nothing stored."""

import asyncio
import gzip
import json
from typing import Any

import httpx2
import pytest

from fhir_server.http.middleware import Edge
from tests.make import patient

pytestmark = pytest.mark.anyio

FHIR = {"content-type": "application/fhir+json"}


async def refused(response: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """The OperationOutcome of an answer that must have one of the statuses."""
    assert response.status_code in statuses, response.text[:300]
    outcome: dict[str, Any] = response.json()
    assert "OperationOutcome" == outcome["resourceType"]
    assert all(issue["severity"] and issue["code"] and issue["diagnostics"] for issue in outcome["issue"])
    return outcome


BODIES = {
    "empty": b"",
    "malformed": b"{nonsense}",
    "truncated": b'{"resourceType":"Patient"',
    "not utf-8": b'{"resourceType":"Patient","language":"\xff\xfe"}',
    "utf-16": '{"resourceType":"Patient"}'.encode("utf-16"),
    "duplicate key": b'{"resourceType":"Patient","active":true,"active":false}',
    "NaN": b'{"resourceType":"Patient","multipleBirthInteger":NaN}',
    "huge exponent": (
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1e400}}'
    ),
    "million digits": b'{"resourceType":"Patient","multipleBirthInteger":' + b"1" * 1_000_000 + b"}",
    "million decimals": b'{"resourceType":"Patient","multipleBirthInteger":1.' + b"1" * 1_000_000 + b"}",
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lone surrogate": b'{"resourceType":"Patient","language":"\\ud800"}',
    "NUL": b'{"resourceType":"Patient","name":[{"family":"a\\u0000b"}]}',
    "operator key": b'{"resourceType":"Patient","$where":"1"}',
    "dotted key": b'{"resourceType":"Patient","a.b":"1"}',
    "NUL key": b'{"resourceType":"Patient","a\\u0000":"1"}',
    "unknown property": b'{"resourceType":"Patient","foo":1}',
    "no type": b'{"active":true}',
    "null": b"null",
    "list": b"[1,2]",
    "text": b'"Patient"',
    "number": b"7",
    "null value": b'{"resourceType":"Patient","gender":null}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_is_no_resource_is_400(fhir: httpx2.AsyncClient, body: bytes) -> None:
    type_ = "Observation" if b"Observation" in body else "Patient"
    await refused(await fhir.post(f"/{type_}", content=body, headers=FHIR), 400)
    await refused(await fhir.put(f"/{type_}/x", content=body, headers=FHIR), 400)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_is_no_bundle_is_400(fhir: httpx2.AsyncClient, body: bytes) -> None:
    await refused(await fhir.post("/", content=body, headers=FHIR), 400)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/fhir+xml", "application/fhir+json; charset=latin-1", "nonsense"]
)
async def test_a_wrong_content_type_is_415(fhir: httpx2.AsyncClient, content_type: str) -> None:
    await refused(await fhir.post("/Patient", json=patient(), headers={"content-type": content_type}), 415)


async def test_an_accept_that_cannot_be_served_is_406(fhir: httpx2.AsyncClient) -> None:
    await refused(await fhir.get("/metadata", headers={"Accept": "image/png"}), 406)


async def test_an_unknown_method_is_405(fhir: httpx2.AsyncClient) -> None:
    response = await fhir.request("BREW", "/Patient/x")
    await refused(response, 405)
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/Foo", "/Foo/1", "/Patient/1/2/3/4", "/Patient/1/_history/1/2", "/_foo"])
async def test_an_unknown_path_is_404(fhir: httpx2.AsyncClient, path: str) -> None:
    await refused(await fhir.get(path), 404)


async def test_an_impossible_id_is_400(fhir: httpx2.AsyncClient) -> None:
    await refused(await fhir.get("/Patient/" + "x" * 65), 400)


async def test_a_body_over_the_limit_is_413(fhir: httpx2.AsyncClient) -> None:
    body = json.dumps(patient(name=[{"family": "x" * 51_000_000}]))
    await refused(await fhir.post("/Patient", content=body, headers=FHIR), 413)


async def test_a_resource_over_the_limit_of_a_document_is_413(fhir: httpx2.AsyncClient) -> None:
    names = [{"family": "x" * 1_000_000} for _ in range(17)]
    await refused(await fhir.post("/Patient", json=patient(name=names)), 413)


async def test_a_gzip_body_is_read(fhir: httpx2.AsyncClient) -> None:
    body = gzip.compress(json.dumps(patient()).encode())
    response = await fhir.post("/Patient", content=body, headers={**FHIR, "content-encoding": "gzip"})
    assert 201 == response.status_code


async def test_a_gzip_bomb_is_413_before_it_is_unpacked(fhir: httpx2.AsyncClient) -> None:
    body = gzip.compress(b" " * 300_000_000, compresslevel=1)
    headers = {**FHIR, "content-encoding": "gzip"}
    await refused(await fhir.post("/Patient", content=body, headers=headers), 413)


@pytest.mark.parametrize(
    "body", [b"not gzip", gzip.compress(b"{}", mtime=0)[:-5], gzip.compress(b"{}", mtime=0) + b"more"]
)
async def test_broken_gzip_is_400(fhir: httpx2.AsyncClient, body: bytes) -> None:
    await refused(await fhir.post("/Patient", content=body, headers={**FHIR, "content-encoding": "gzip"}), 400)


async def test_an_unknown_encoding_is_415(fhir: httpx2.AsyncClient) -> None:
    await refused(await fhir.post("/Patient", content=b"x", headers={**FHIR, "content-encoding": "br"}), 415)


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "Prefer", "If-None-Exist", "Accept", "X-Request-Id"])
@pytest.mark.parametrize("value", ["", ";;;,,,", '"' * 100, "x" * 5000, "\xe4\xf6"])
async def test_no_header_value_is_a_server_error(fhir: httpx2.AsyncClient, header: str, value: str) -> None:
    for method, body in (("GET", None), ("PUT", patient(id="headers")), ("DELETE", None)):
        response = await fhir.request(
            method, "/Patient/headers", json=body, headers=[(header.encode(), value.encode("latin-1"))]
        )
        assert response.status_code < 500


async def test_if_modified_since_that_is_no_date_is_ignored(fhir: httpx2.AsyncClient) -> None:
    created = (await fhir.post("/Patient", json=patient())).json()
    response = await fhir.get(f"/Patient/{created['id']}", headers={"If-Modified-Since": "yesterday"})
    assert 200 == response.status_code


async def test_gzip_in_several_members_is_one_body(fhir: httpx2.AsyncClient) -> None:
    text = json.dumps(patient(active=True)).encode()
    body = gzip.compress(text[:9]) + gzip.compress(text[9:])
    response = await fhir.post("/Patient", content=body, headers={**FHIR, "content-encoding": "gzip"})
    assert (201, True) == (response.status_code, response.json()["active"])


async def test_a_body_that_does_not_come_is_408(app: Edge) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/fhir/Patient",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"content-type", b"application/fhir+json")],
    }
    await app(scope, receive, send)
    assert 408 == sent[0]["status"]


async def test_error_texts_hold_no_names(fhir: httpx2.AsyncClient) -> None:
    sent = patient(name=[{"family": "Canarynameson", "given": [7]}], birthDate="Canarydate", foo="Canaryvalue")
    assert "Canary" not in (await fhir.post("/Patient", json=sent)).text
