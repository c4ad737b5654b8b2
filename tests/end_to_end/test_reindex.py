"""Indexing anew on a server with two processes that is killed in the midst of it, while others read and write."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.end_to_end.served import Served, served
from tests.make import bundle, entry, patient
from tests.operations.custom_parameters import extended, parameter

pytestmark = pytest.mark.anyio

PATIENTS, AT_ONCE = 12_000, 1_000
OPTIONS = ("--workers", "2", "--log-level", "error")


def nicknamed(number: int) -> dict[str, Any]:
    return patient(extension=extended("nickname", valueString=f"n{number % 100}"))


async def filled(client: httpx2.AsyncClient) -> None:
    for start in range(0, PATIENTS, AT_ONCE):
        steps = [entry("POST", "Patient", nicknamed(number)) for number in range(start, start + AT_ONCE)]
        (await client.post("", json=bundle("transaction", *steps))).raise_for_status()


async def progress_of(client: httpx2.AsyncClient, job: str) -> int | None:
    """Return how many resources were walked, None when all were."""
    told = await client.get(f"/$reindex-status?job={job}")
    assert told.status_code in (200, 202), told.text
    if told.status_code == 200:
        return None
    share, _, rest = told.headers["x-progress"].partition(" %: ")
    return int(rest.split()[0]) if share.isdigit() else 0


async def until(client: httpx2.AsyncClient, job: str, least: int) -> int | None:
    async with asyncio.timeout(120):
        while (walked := await progress_of(client, job)) is not None and walked < least:  # noqa: ASYNC110 - HTTP
            await asyncio.sleep(0.02)
    return walked


async def count(client: httpx2.AsyncClient, query: str) -> int:
    found = (await client.get(f"/Patient?{query}&_summary=count")).raise_for_status().json()
    total: int = found["total"]
    return total


async def begun(client: httpx2.AsyncClient, **params: str) -> str:
    """Begin to index; return the job."""
    started = await client.post("/$reindex", params=params)
    assert 202 == started.status_code
    return started.headers["content-location"].partition("job=")[2]


async def killed_in_the_midst(server: Served) -> tuple[str, int]:
    """Kill the server when a part of all resources is indexed; return the job and how far it was."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
        await filled(client)
        (await client.post("/SearchParameter", json=parameter("nickname"))).raise_for_status()
        job = await begun(client)
        (await client.post("/Patient", json=nicknamed(7))).raise_for_status()
        assert 200 == (await client.get("/Patient?nickname=n7&_count=1")).status_code
        while (walked := await until(client, job, PATIENTS // 10)) is None:  # it was done before it could be asked
            job = await begun(client, type="Patient")
        server.kill()
        return job, walked


async def test_a_job_goes_on_after_everything_was_killed_and_misses_nothing(tmp_path: Path) -> None:
    with served(tmp_path / "data", *OPTIONS) as server:
        job, before = await killed_in_the_midst(server)
    with served(tmp_path / "data", *OPTIONS) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            await until(client, job, PATIENTS * 2)
            result = (await client.get(f"/$reindex-status?job={job}")).json()
            assert before <= result["parameter"][0]["valueInteger"] < PATIENTS + before
            await asyncio.sleep(1.5)  # every process has noticed
            strict = {"Prefer": "handling=strict"}
            assert 200 == (await client.get("/Patient?nickname=n7", headers=strict)).status_code
            assert PATIENTS + 1 == await count(client, "nickname:missing=false&_total=accurate")
            assert PATIENTS // 100 + 1 == await count(client, "nickname:exact=n7&_total=accurate")
