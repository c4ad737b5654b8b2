"""_content: refused with the name of its setting, and found where that is on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import httpx2
import pytest

from fhir_server.kernel.settings import Settings
from fhir_server.wiring import build_app
from tests.conftest import BASE
from tests.make import patient

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(settings: Settings, *, on: bool) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of a server over a database of its own."""
    app = build_app(replace(settings, database=f"{settings.database}_content", search_content=on))
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=BASE, timeout=60)
    async with app.framework.router.lifespan_context(app.framework), client:
        yield client


async def found(client: httpx2.AsyncClient, words: str) -> list[str]:
    bundle = (await client.get("/Patient", params={"_content": words})).json()
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


async def reindexed(client: httpx2.AsyncClient, type_: str) -> None:
    started = await client.post("/$reindex", params={"type": type_})
    assert 202 == started.status_code
    for _ in range(300):
        if (await client.get(started.headers["content-location"])).status_code == 200:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the job does not end")


async def test_words_of_the_whole_resource_are_found_where_the_setting_is_on(settings: Settings) -> None:
    word = f"w{uuid4().hex}"
    async with served(settings, on=False) as client:
        earlier = (await client.post("/Patient", json=patient(name=[{"family": word}]))).json()["id"]
    async with served(settings, on=True) as client:
        later = (await client.post("/Patient", json=patient(address=[{"city": f"New {word}"}]))).json()["id"]
        assert [later] == await found(client, f"new AND {word}")
        await reindexed(client, "Patient")
        assert sorted([earlier, later]) == sorted(await found(client, word))
        resources = (await client.get("/metadata")).json()["rest"][0]["resource"]
        (listed,) = (one for one in resources if one["type"] == "Patient")
        assert "_content" in {one["name"] for one in listed["searchParam"]}


@pytest.mark.parametrize("handling", ["strict", "lenient"])
@pytest.mark.parametrize("search", ["_content=x", "_filter=_content co x", "organization._content=x"])
async def test_it_is_refused_with_the_name_of_the_setting_where_that_is_off(
    fhir: httpx2.AsyncClient, handling: str, search: str
) -> None:
    response = await fhir.get(f"/Patient?{search}", headers={"Prefer": f"handling={handling}"})
    assert 400 == response.status_code
    assert "search_content" in response.json()["issue"][0]["diagnostics"]
