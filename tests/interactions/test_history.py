"""history of an instance, a type and the system."""

from typing import Any

import httpx2
import pytest

from tests.make import patient

pytestmark = pytest.mark.anyio


async def four_versions(fhir: httpx2.AsyncClient) -> tuple[str, list[str]]:
    """A patient that was created, updated twice and deleted: its URL, and the instants of the first three."""
    created = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    url = f"/Patient/{created['id']}"
    second = (await fhir.put(url, json={**created, "gender": "female"})).json()
    third = (await fhir.put(url, json={**created, "gender": "other"})).json()
    await fhir.delete(url)
    return url, [one["meta"]["lastUpdated"] for one in (created, second, third)]


async def entries(fhir: httpx2.AsyncClient, url: str, **params: Any) -> list[dict[str, Any]]:
    response = await fhir.get(url, params=params)
    assert 200 == response.status_code
    found: list[dict[str, Any]] = response.json().get("entry", [])
    return found


async def test_an_instance_history_is_newest_first_and_says_what_happened(fhir: httpx2.AsyncClient) -> None:
    url, _ = await four_versions(fhir)
    bundle = (await fhir.get(f"{url}/_history")).json()
    assert ("history", 4) == (bundle["type"], bundle["total"])
    assert ["DELETE", "PUT", "PUT", "POST"] == [entry["request"]["method"] for entry in bundle["entry"]]
    assert ["204", "200", "200", "201"] == [entry["response"]["status"][:3] for entry in bundle["entry"]]
    assert ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"'] == [entry["response"]["etag"] for entry in bundle["entry"]]
    assert "resource" not in bundle["entry"][0]
    assert {f"http://test/fhir{url}"} == {entry["fullUrl"] for entry in bundle["entry"]}


async def test_since_leaves_older_versions_out(fhir: httpx2.AsyncClient) -> None:
    url, instants = await four_versions(fhir)
    assert 3 == len(await entries(fhir, f"{url}/_history", _since=instants[1]))


async def test_at_gives_the_version_that_was_current_then(fhir: httpx2.AsyncClient) -> None:
    url, instants = await four_versions(fhir)
    found = await entries(fhir, f"{url}/_history", _at=instants[1])
    assert ['W/"2"'] == [entry["response"]["etag"] for entry in found]


async def test_pages_follow_each_other_without_gap_or_repetition(fhir: httpx2.AsyncClient) -> None:
    url, _ = await four_versions(fhir)
    tags, page = [], (await fhir.get(f"{url}/_history", params={"_count": "1"})).json()
    while True:
        tags += [entry["response"]["etag"] for entry in page["entry"]]
        following = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
        if following is None:
            break
        page = (await fhir.get(following)).json()
    assert ['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"'] == tags


@pytest.mark.parametrize("level", ["/Patient/_history", "/_history"])
async def test_type_and_system_history_show_all_versions(fhir: httpx2.AsyncClient, level: str) -> None:
    url, instants = await four_versions(fhir)
    found = await entries(fhir, level, _since=instants[0], _count=1000)
    mine = [entry["request"]["method"] for entry in found if entry["fullUrl"].endswith(url)]
    assert ["DELETE", "PUT", "PUT", "POST"] == mine


async def test_the_history_of_what_never_existed_is_404(fhir: httpx2.AsyncClient) -> None:
    assert 404 == (await fhir.get("/Patient/never-was/_history")).status_code


@pytest.mark.parametrize("query", ["_since=yesterday", "_count=-1", "_count=x", "_at=2020-13-01", "_after=forged"])
async def test_parameters_that_cannot_be_read_are_400(fhir: httpx2.AsyncClient, query: str) -> None:
    assert 400 == (await fhir.get(f"/Patient/_history?{query}")).status_code


async def test_unknown_parameters_are_refused_only_when_strict(fhir: httpx2.AsyncClient) -> None:
    assert 200 == (await fhir.get("/Patient/_history?foo=1")).status_code
    strict = await fhir.get("/Patient/_history?foo=1", headers={"Prefer": "handling=strict"})
    assert (400, ["foo"]) == (strict.status_code, strict.json()["issue"][0]["expression"])


async def test_links_are_spelled_as_those_of_searches(fhir: httpx2.AsyncClient) -> None:
    url, _ = await four_versions(fhir)
    bundle = (await fhir.get(f"{url}/_history?_since=2024-01-01T00:00:00Z&_count=1")).json()
    links = {link["relation"]: link["url"] for link in bundle["link"]}
    assert f"http://test/fhir{url}/_history?_since=2024-01-01T00:00:00Z&_count=1" == links["self"]
    assert links["next"].startswith(f"{links['self']}&_after=")
