"""$meta, $meta-add and $meta-delete on stored resources."""

import base64
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.make import patient

pytestmark = pytest.mark.anyio

TAG = {"system": "urn:test:tags", "code": "seen"}


def labels(**meta: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


def returned(response: httpx2.Response) -> dict[str, Any]:
    assert 200 == response.status_code
    (parameter,) = response.json()["parameter"]
    assert "return" == parameter["name"]
    meta: dict[str, Any] = parameter["valueMeta"]
    return meta


async def stored(fhir: httpx2.AsyncClient, **elements: Any) -> dict[str, Any]:
    created: dict[str, Any] = (await fhir.post("/Patient", json=patient(**elements))).json()
    return created


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_meta_of_a_resource_is_read(fhir: httpx2.AsyncClient, method: str) -> None:
    created = await stored(fhir, meta={"tag": [TAG]})
    response = await fhir.request(method, f"/Patient/{created['id']}/$meta")
    assert (created["meta"], 'W/"1"') == (returned(response), response.headers["etag"])


async def test_the_meta_of_an_earlier_version_is_read(fhir: httpx2.AsyncClient) -> None:
    created = await stored(fhir, meta={"tag": [TAG]})
    url = f"/Patient/{created['id']}"
    await fhir.post(f"{url}/$meta-delete", json=labels(tag=[TAG]))
    assert created["meta"] == returned(await fhir.get(f"{url}/_history/1/$meta"))
    assert 404 == (await fhir.get(f"{url}/_history/3/$meta")).status_code
    assert 404 == (await fhir.post(f"{url}/_history/1/$meta-add", json=labels(tag=[TAG]))).status_code


@pytest.mark.parametrize("path", ["/Patient/$meta", "/$meta"])
async def test_the_labels_in_use_on_a_type_and_on_the_server_come_once_each(
    fhir: httpx2.AsyncClient, path: str
) -> None:
    code = str(uuid4())
    tags = [{"system": "urn:test:tags", "code": f"{code}-{number}", "display": "seen"} for number in range(5)]
    for number in range(5):
        await stored(fhir, meta={"tag": tags[: number + 1], "security": [{"code": code}], "profile": [f"urn:{code}"]})
    found = returned(await fhir.get(path))
    assert tags == sorted((tag for tag in found["tag"] if code in tag["code"]), key=lambda tag: tag["code"])
    assert ([{"code": code}], 1) == (
        [one for one in found["security"] if one.get("code") == code],
        found["profile"].count(f"urn:{code}"),
    )
    assert {"profile", "security", "tag"} == found.keys()


async def test_labels_of_deleted_resources_and_of_other_types_are_not_in_use(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    created = await stored(fhir, meta={"tag": [{"code": code}]})
    assert code in (await fhir.get("/Patient/$meta")).text
    assert code not in (await fhir.get("/Observation/$meta")).text
    await fhir.delete(f"/Patient/{created['id']}")
    assert code not in (await fhir.get("/Patient/$meta")).text


async def test_added_labels_make_a_version_and_are_found(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    created = await stored(fhir, gender="male")
    url = f"/Patient/{created['id']}"
    meta = returned(await fhir.post(f"{url}/$meta-add", json=labels(tag=[{**TAG, "code": code}])))
    assert ("2", [{**TAG, "code": code}]) == (meta["versionId"], meta["tag"])
    assert {**created, "meta": meta} == (await fhir.get(url)).json()
    assert 1 == (await fhir.get("/Patient", params={"_tag": f"{TAG['system']}|{code}"})).json()["total"]


async def test_deleted_labels_are_gone_and_not_found(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    created = await stored(fhir, meta={"tag": [{**TAG, "code": code}], "profile": ["urn:test:profile"]})
    meta = returned(await fhir.post(f"/Patient/{created['id']}/$meta-delete", json=labels(tag=[{**TAG, "code": code}])))
    assert ("2", ["urn:test:profile"], False) == (meta["versionId"], meta["profile"], "tag" in meta)
    assert 0 == (await fhir.get("/Patient", params={"_tag": code})).json()["total"]


@pytest.mark.parametrize("operation", ["$meta-add", "$meta-delete"])
async def test_labels_that_change_nothing_make_no_version(fhir: httpx2.AsyncClient, operation: str) -> None:
    created = await stored(fhir)
    response = await fhir.post(f"/Patient/{created['id']}/{operation}", json=labels(versionId="7"))
    assert created["meta"] == returned(response)


async def test_a_stale_if_match_is_412(fhir: httpx2.AsyncClient) -> None:
    url = f"/Patient/{(await stored(fhir))['id']}/$meta-add"
    await fhir.post(url, json=labels(tag=[TAG]))
    response = await fhir.post(url, json=labels(profile=["urn:p"]), headers={"If-Match": 'W/"1"'})
    assert 412 == response.status_code


async def test_labels_do_not_cost_a_large_binary_its_data(fhir: httpx2.AsyncClient) -> None:
    data = base64.b64encode(b"x" * 400_000).decode()
    created = (
        await fhir.post("/Binary", json={"resourceType": "Binary", "contentType": "text/plain", "data": data})
    ).json()
    url = f"/Binary/{created['id']}"
    returned(await fhir.post(f"{url}/$meta-add", json=labels(tag=[TAG])))
    read = (await fhir.get(url, headers={"Accept": "application/fhir+json"})).json()
    assert (data, [TAG]) == (read["data"], read["meta"]["tag"])


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (labels(tag="no list"), "Parameters.parameter[0].value.tag"),
        ({"resourceType": "Parameters"}, "meta"),
        ({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueString": "x"}]}, "meta"),
        ({"resourceType": "Parameters", "parameter": [{"name": "tag", "valueString": "x"}]}, "tag"),
    ],
)
async def test_bad_parameters_are_400_and_named(fhir: httpx2.AsyncClient, body: Any, place: str) -> None:
    response = await fhir.post(f"/Patient/{(await stored(fhir))['id']}/$meta-add", json=body)
    assert (400, [place]) == (response.status_code, response.json()["issue"][0]["expression"])


@pytest.mark.parametrize("operation", ["$meta-add", "$meta-delete"])
async def test_a_get_changes_nothing(fhir: httpx2.AsyncClient, operation: str) -> None:
    assert 405 == (await fhir.get(f"/Patient/{uuid4()}/{operation}")).status_code


@pytest.mark.parametrize(
    ("operation", "body"), [("$meta", None), ("$meta-add", labels(tag=[TAG])), ("$meta-delete", labels(tag=[TAG]))]
)
async def test_what_is_not_there_is_404(fhir: httpx2.AsyncClient, operation: str, body: Any) -> None:
    assert 404 == (await fhir.post(f"/Patient/{uuid4()}/{operation}", json=body)).status_code
