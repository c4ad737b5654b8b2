"""fhir_server.kernel.tasks: what runs beside the requests comes to an end."""

import asyncio

import pytest

from fhir_server.kernel import tasks
from fhir_server.kernel.tasks import ended

pytestmark = pytest.mark.anyio


async def test_a_loop_that_forgets_a_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AGAIN_S", 0.01)
    forgotten = 0

    async def forgetful() -> None:
        nonlocal forgotten
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if forgotten == 2:
                    raise
                forgotten += 1

    task = asyncio.create_task(forgetful())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        [result] = await ended(task)
    assert (forgotten, type(result)) == (2, asyncio.CancelledError)


async def test_what_tasks_end_with_is_told_in_their_order() -> None:
    async def failing() -> None:
        raise KeyError

    async def made() -> int:
        return 1

    running = [asyncio.create_task(failing()), asyncio.create_task(made())]
    await asyncio.wait(running)
    error, one = await ended(*running)
    assert (type(error), one) == (KeyError, 1)
