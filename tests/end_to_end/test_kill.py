"""kill -9 of everything while eight clients write: what was acknowledged is there, whole, and history agrees."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from tests.end_to_end.served import Served, served
from tests.make import patient

pytestmark = pytest.mark.anyio

WRITERS = 8
ROUNDS = 3
WRITING_S = 1.5


async def write_until_killed(server: Served, acknowledged: dict[str, int]) -> None:
    """Create patients and update each twice, noting every version that the server acknowledged."""

    async def writer() -> None:
        async with httpx2.AsyncClient(base_url=server.url, timeout=10) as client:
            try:
                while True:
                    made = (await client.post("/Patient", json=patient())).raise_for_status().json()
                    acknowledged[made["id"]] = 1
                    for number in (2, 3):
                        body = {**made, "multipleBirthInteger": number}
                        (await client.put(f"/Patient/{made['id']}", json=body)).raise_for_status()
                        acknowledged[made["id"]] = number
            except httpx2.HTTPError:
                return

    writers = [asyncio.create_task(writer()) for _ in range(WRITERS)]
    await asyncio.sleep(WRITING_S)
    server.kill()
    await asyncio.gather(*writers)


async def lost(server: Served, acknowledged: dict[str, int]) -> list[str]:
    """What is missing or disagrees: an acknowledged version, or a history that is not gapless up to the current one."""
    wrong: list[str] = []
    async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
        for id_, version in acknowledged.items():
            current = await client.get(f"/Patient/{id_}")
            stored = int(current.json()["meta"]["versionId"]) if current.status_code == 200 else 0
            history = (await client.get(f"/Patient/{id_}/_history")).json()
            tags = [entry["response"]["etag"] for entry in history.get("entry", [])]
            if stored < version or tags != [f'W/"{number}"' for number in range(stored, 0, -1)]:
                wrong.append(f"{id_}: acknowledged {version}, stored {stored}, history {tags}")
    return wrong


async def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    acknowledged: dict[str, int] = {}
    for _ in range(ROUNDS):
        before = len(acknowledged)
        with served(tmp_path / "data") as server:
            await write_until_killed(server, acknowledged)
        assert len(acknowledged) > before + WRITERS
    with served(tmp_path / "data") as server:
        assert [] == await lost(server, acknowledged)
