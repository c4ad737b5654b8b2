"""Ctrl-C and SIGTERM: what is in flight is answered, then every process ends."""

import asyncio
import os
import signal
from pathlib import Path

import httpx2
import pytest

from tests.end_to_end.served import served
from tests.make import bundle, entry, patient

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_requests_in_flight_finish_and_no_process_stays(tmp_path: Path, number: signal.Signals) -> None:
    body = bundle("transaction", *(entry("POST", "Patient", patient(active=True)) for _ in range(3_000)))
    with served(tmp_path / "data", "--workers", "2") as server:
        family = server.family()
        assert len(family) >= 4, "the command, two workers and mongod"
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            flight = asyncio.create_task(client.post("/", json=body))
            await asyncio.sleep(0.3)
            server.process.send_signal(number)
            response = await flight
        assert 200 == response.status_code
        assert 3_000 == len(response.json()["entry"])
        assert 0 == await asyncio.to_thread(server.process.wait, 30)
        assert [] == [pid for pid in family if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
