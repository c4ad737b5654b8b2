"""$expunge: what is removed is gone for good, what stays is whole, also when others write meanwhile."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from fhir_server.http.middleware import Edge
from fhir_server.kernel.settings import Settings
from fhir_server.search import Search
from fhir_server.storage import Storage, open_storage
from tests.make import patient

pytestmark = pytest.mark.anyio

DELETED, PREVIOUS = {"expungeDeletedResources": "true"}, {"expungePreviousVersions": "true"}


async def versions_of(fhir: httpx2.AsyncClient, updates: int, resource: Any = None) -> str:
    """Store a resource and change it so often; return its URL."""
    created = (await fhir.post(f"/{(resource or patient())['resourceType']}", json=resource or patient())).json()
    url = f"/{created['resourceType']}/{created['id']}"
    for number in range(updates):
        await fhir.put(url, json={**created, "language": f"x-{number}"})
    return url


async def expunge(fhir: httpx2.AsyncClient, path: str, **params: str) -> int:
    response = await fhir.post(f"{path}/$expunge", params=params)
    assert 200 == response.status_code, response.text
    (parameter,) = response.json()["parameter"]
    assert "count" == parameter["name"]
    count: int = parameter["valueInteger"]
    return count


async def history(fhir: httpx2.AsyncClient, url: str) -> list[str]:
    response = await fhir.get(f"{url}/_history")
    if response.status_code == 404:
        return []
    return [entry["response"]["etag"][3:-1] for entry in response.json()["entry"]]


async def test_a_deleted_resource_is_gone_with_its_history_and_its_id_is_free(fhir: httpx2.AsyncClient) -> None:
    url = await versions_of(fhir, 2)
    await fhir.delete(url)
    assert 4 == await expunge(fhir, url, **DELETED)
    for path in (url, f"{url}/_history", f"{url}/_history/1", f"{url}/_history/4"):
        assert 404 == (await fhir.get(path)).status_code
    stored = await fhir.put(url, json=patient(id=url.rpartition("/")[2]))
    assert (201, 'W/"1"') == (stored.status_code, stored.headers["etag"])


async def test_a_living_resource_loses_its_previous_versions_alone(fhir: httpx2.AsyncClient) -> None:
    url = await versions_of(fhir, 3)
    assert 0 == await expunge(fhir, url, **DELETED)
    before = (await fhir.get(url)).json()
    assert 3 == await expunge(fhir, url, **DELETED, **PREVIOUS)
    assert (before, ["4"]) == ((await fhir.get(url)).json(), await history(fhir, url))
    assert 404 == (await fhir.get(f"{url}/_history/3")).status_code


async def test_one_version_can_be_removed(fhir: httpx2.AsyncClient) -> None:
    url = await versions_of(fhir, 3)
    assert 1 == await expunge(fhir, f"{url}/_history/2")
    assert ["4", "3", "1"] == await history(fhir, url)
    assert 404 == (await fhir.post(f"{url}/_history/2/$expunge")).status_code


async def test_the_current_version_cannot_be_removed_alone(fhir: httpx2.AsyncClient) -> None:
    url = await versions_of(fhir, 1)
    assert 409 == (await fhir.post(f"{url}/_history/2/$expunge")).status_code
    assert ["2", "1"] == await history(fhir, url)


async def test_a_limit_removes_the_oldest_versions_first_and_the_deletion_last(fhir: httpx2.AsyncClient) -> None:
    url = await versions_of(fhir, 3)
    await fhir.delete(url)
    assert 2 == await expunge(fhir, url, **DELETED, limit="2")
    assert ["5", "4", "3"] == await history(fhir, url)
    assert 2 == await expunge(fhir, url, **DELETED, limit="2")
    assert ["5"] == await history(fhir, url)
    assert 1 == await expunge(fhir, url, **DELETED, limit="2")
    assert 404 == (await fhir.get(url)).status_code


async def test_parameters_may_come_in_the_body(fhir: httpx2.AsyncClient) -> None:
    url = await versions_of(fhir, 1)
    passed = [{"name": "expungePreviousVersions", "valueBoolean": True}, {"name": "limit", "valueInteger": 5}]
    body = {"resourceType": "Parameters", "parameter": passed}
    assert 1 == (await fhir.post(f"{url}/$expunge", json=body)).json()["parameter"][0]["valueInteger"]


@pytest.fixture
async def basics(settings: Settings, fhir: httpx2.AsyncClient, app: Edge) -> str:
    """A type that only these tests use, without resources and history."""
    for flags in (DELETED, PREVIOUS):
        while await expunge(fhir, "/Basic", **flags):
            pass
    return "/Basic"


def basic() -> dict[str, Any]:
    return {"resourceType": "Basic", "code": {"text": "test"}}


async def test_a_type_loses_its_deleted_resources_and_keeps_the_others(fhir: httpx2.AsyncClient, basics: str) -> None:
    kept = await versions_of(fhir, 1, basic())
    gone = [await versions_of(fhir, 1, basic()) for _ in range(3)]
    for url in gone:
        await fhir.delete(url)
    assert 9 == await expunge(fhir, basics, **DELETED)
    assert [404] * 3 == [(await fhir.get(url)).status_code for url in gone]
    assert ["2", "1"] == await history(fhir, kept)


async def test_a_type_loses_its_previous_versions(fhir: httpx2.AsyncClient, basics: str) -> None:
    kept = [await versions_of(fhir, 2, basic()) for _ in range(3)]
    assert 6 == await expunge(fhir, basics, **PREVIOUS)
    assert [["3"]] * 3 == [await history(fhir, url) for url in kept]


async def test_the_limit_of_a_type_counts_over_resources(fhir: httpx2.AsyncClient, basics: str) -> None:
    for _ in range(3):
        await fhir.delete(await versions_of(fhir, 1, basic()))
    assert [4, 4, 1, 0] == [await expunge(fhir, basics, **DELETED, limit="4") for _ in range(4)]


async def test_the_server_as_a_whole_can_be_expunged(fhir: httpx2.AsyncClient, basics: str) -> None:
    gone = await versions_of(fhir, 0, basic())
    await fhir.delete(gone)
    while await expunge(fhir, "", **DELETED, limit="10000"):
        pass
    assert 404 == (await fhir.get(gone)).status_code


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({}, "expungeDeletedResources"),
        ({"expungeDeletedResources": "false"}, "expungeDeletedResources"),
        ({"expungePreviousVersions": "yes"}, "expungePreviousVersions"),
        ({**DELETED, "limit": "0"}, "limit"),
        ({**DELETED, "limit": "many"}, "limit"),
        ({"expungeEverything": "true"}, "expungeEverything"),
    ],
)
async def test_what_cannot_be_understood_is_400_and_named(
    fhir: httpx2.AsyncClient, params: dict[str, str], name: str
) -> None:
    response = await fhir.post("/Basic/$expunge", params=params)
    assert (400, [name]) == (response.status_code, response.json()["issue"][0]["expression"])


async def test_only_a_post_removes_anything(fhir: httpx2.AsyncClient) -> None:
    url = await versions_of(fhir, 1)
    assert 405 == (await fhir.get(f"{url}/$expunge", params=PREVIOUS)).status_code
    assert ["2", "1"] == await history(fhir, url)


async def test_what_is_not_there_is_404(fhir: httpx2.AsyncClient) -> None:
    assert 404 == (await fhir.post(f"/Patient/{uuid4()}/$expunge", params=DELETED)).status_code


async def test_writers_at_the_same_time_leave_either_all_or_nothing(fhir: httpx2.AsyncClient) -> None:
    """The id is deleted, expunged and stored again by many: every history that remains has no gap."""
    url = await versions_of(fhir, 0)
    resource = patient(id=url.rpartition("/")[2])
    for _ in range(10):
        await fhir.delete(url)
        await asyncio.gather(
            fhir.put(url, json=resource),
            expunge(fhir, url, **DELETED),
            fhir.put(url, json={**resource, "gender": "male"}),
        )
        found = [int(number) for number in await history(fhir, url)]
        assert found == list(range(len(found), 0, -1))
        assert 200 == (await fhir.get(url)).status_code


@pytest.fixture
async def storage(settings: Settings, app: Edge) -> Any:
    from conformance.load import definitions

    async with open_storage(settings, Search(definitions()).indexes) as opened:
        yield opened


async def test_large_content_goes_with_its_version(fhir: httpx2.AsyncClient, storage: Storage) -> None:
    def binary(letter: bytes) -> dict[str, Any]:
        return {
            "resourceType": "Binary",
            "contentType": "text/plain",
            "data": base64.b64encode(letter * 400_000).decode(),
        }

    created = (await fhir.post("/Binary", json=binary(b"a"))).json()
    url = f"/Binary/{created['id']}"
    await fhir.put(url, json={**binary(b"b"), "id": created["id"]})
    old = (await storage.database["Binary_history"].find_one({"id": created["id"]}) or {})["blob"]
    new = (await storage.database["Binary"].find_one({"_id": created["id"]}) or {})["blob"]
    assert 1 == await expunge(fhir, url, **PREVIOUS)
    assert (False, True) == (await storage.blobs.has(old), await storage.blobs.has(new))
    await fhir.delete(url)
    assert 2 == await expunge(fhir, url, **DELETED)
    assert not await storage.blobs.has(new)


async def test_what_was_expunged_is_no_contradiction_and_what_is_lost_still_is(
    fhir: httpx2.AsyncClient, storage: Storage
) -> None:
    url = await versions_of(fhir, 4)
    id_ = url.rpartition("/")[2]
    await expunge(fhir, f"{url}/_history/2")

    async def problems() -> list[str]:
        return [one.problem async for one in storage.verify() if one.place.endswith(id_)]

    assert [] == await problems()
    await storage.database["Patient_history"].delete_one({"_id": f"{id_}/3"})
    assert ["version 5 is current, but history lacks 3"] == await problems()
