"""One after the other for a common key, side by side otherwise."""

import asyncio

import pytest

from fhir_server.storage.turns import Turns


async def test_holders_of_one_key_come_one_after_the_other_in_order_of_arrival() -> None:
    turns, log = Turns(), []

    async def work(name: int) -> None:
        async with turns.take("a"):
            log.append(("in", name))
            await asyncio.sleep(0.001)
            log.append(("out", name))

    await asyncio.gather(*(work(name) for name in range(5)))
    assert log == [(step, name) for name in range(5) for step in ("in", "out")]


async def test_other_keys_do_not_wait() -> None:
    turns = Turns()
    async with turns.take("a"), asyncio.timeout(1), turns.take("b"):
        pass


async def test_keys_in_any_order_and_twice_make_no_deadlock() -> None:
    turns = Turns()

    async def work(*keys: str) -> None:
        for _ in range(20):
            async with turns.take(*keys):
                await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await asyncio.gather(work("a", "b", "c"), work("c", "b", "a"), work("b", "a", "b"))


async def test_a_failure_or_a_cancelled_wait_frees_the_keys() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError):
        async with turns.take("a", "b"):
            raise ZeroDivisionError
    async with turns.take("b"):
        waiting = asyncio.ensure_future(turns.take("a", "b").__aenter__())
        await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(1), turns.take("a", "b"):
        pass
    assert turns._turns == {}
