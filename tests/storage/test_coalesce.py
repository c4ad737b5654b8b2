"""Batches of concurrent requests, without a database."""

import asyncio
import gc
import weakref
from collections.abc import Sequence
from contextlib import suppress

import pytest

from fhir_server.storage.coalesce import Coalescer, Limits


class Doubler:
    """Doubles numbers; remembers its batches; negative numbers fail for themselves, zero for everyone."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(items))
        await self.gate.wait()
        if 0 in items:
            raise ZeroDivisionError
        return [ValueError(str(item)) if item < 0 else 2 * item for item in items]


async def test_requests_of_one_moment_share_a_batch_and_get_their_own_answers() -> None:
    doubler = Doubler()
    batches: Coalescer[int, int] = Coalescer(doubler)
    assert await asyncio.gather(*(batches.ask(item) for item in (1, 2, 3))) == [2, 4, 6]
    assert doubler.batches == [[1, 2, 3]]


async def test_a_failing_item_does_not_fail_its_neighbours() -> None:
    batches: Coalescer[int, int] = Coalescer(Doubler())
    answers = await asyncio.gather(*(batches.ask(item) for item in (1, -2, 3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, ValueError, int]


async def test_when_the_batch_as_a_whole_fails_everyone_hears_of_it_and_the_next_one_works() -> None:
    batches: Coalescer[int, int] = Coalescer(Doubler())
    answers = await asyncio.gather(*(batches.ask(item) for item in (0, 1)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ZeroDivisionError, ZeroDivisionError]
    assert await batches.ask(4) == 8


@pytest.mark.parametrize("raised", [False, True])
async def test_what_failed_leaves_nothing_for_the_garbage_collector(raised: bool) -> None:
    class Thing:
        """Something that can be watched."""

    async def failing(things: Sequence[Thing]) -> Sequence[Exception]:
        if raised:
            raise ValueError
        return [ValueError() for _ in things]

    async def asked() -> "weakref.ref[Thing]":
        thing = Thing()
        with suppress(ValueError):
            await batches.ask(thing)
        return weakref.ref(thing)

    batches: Coalescer[Thing, None] = Coalescer(failing)
    gc.disable()
    try:
        left = await asked()
        await asyncio.sleep(0)  # the task of the batch ends
        assert left() is None
    finally:
        gc.enable()


async def test_no_more_batches_are_on_their_way_than_allowed_and_late_comers_share_the_next() -> None:
    doubler = Doubler()
    doubler.gate.clear()
    batches: Coalescer[int, int] = Coalescer(doubler, Limits(parallel=2))
    asked = []
    for item in range(1, 8):
        asked.append(asyncio.ensure_future(batches.ask(item)))
        await asyncio.sleep(0.001)
    assert doubler.batches == [[1], [2]]
    doubler.gate.set()
    assert await asyncio.gather(*asked) == [2, 4, 6, 8, 10, 12, 14]
    assert doubler.batches == [[1], [2], [3, 4, 5, 6, 7]]


async def test_batches_are_bounded_by_count_and_by_size() -> None:
    doubler = Doubler()
    batches: Coalescer[int, int] = Coalescer(doubler, Limits(items=3, parallel=1, bytes_=10))
    await asyncio.gather(*(batches.ask(item, size=item) for item in (1, 1, 1, 8, 2, 9, 20)))
    assert doubler.batches == [[1, 1, 1], [8, 2], [9], [20]]


async def test_items_with_a_common_key_never_travel_together_and_keep_their_order() -> None:
    doubler = Doubler()
    batches: Coalescer[int, int] = Coalescer(doubler, Limits(parallel=2))
    keys = {1: {"a"}, 2: {"a", "b"}, 3: {"b"}, 4: {"c"}}
    async with asyncio.timeout(5):
        await asyncio.gather(*(batches.ask(item, keys=frozenset(keys[item])) for item in keys))
    assert doubler.batches == [[1, 4], [2], [3]]


async def test_a_cancelled_caller_leaves_its_batch_unharmed() -> None:
    doubler = Doubler()
    doubler.gate.clear()
    batches: Coalescer[int, int] = Coalescer(doubler)
    first, second = (asyncio.ensure_future(batches.ask(item)) for item in (1, 2))
    await asyncio.sleep(0.001)
    first.cancel()
    doubler.gate.set()
    assert await second == 4


async def test_who_gives_up_before_the_batch_leaves_is_not_part_of_it() -> None:
    doubler = Doubler()
    batches: Coalescer[int, int] = Coalescer(doubler)
    asked = [asyncio.ensure_future(batches.ask(item)) for item in (1, 2)]
    await asyncio.sleep(0)
    asked[0].cancel()
    await asyncio.wait(asked)
    assert doubler.batches in ([[1, 2]], [[2]])
    with pytest.raises(asyncio.CancelledError):
        await asked[0]


async def test_idle_waits_for_what_is_on_its_way() -> None:
    doubler = Doubler()
    batches: Coalescer[int, int] = Coalescer(doubler)
    asked = asyncio.ensure_future(batches.ask(1))
    await asyncio.sleep(0)
    await batches.idle()
    assert asked.done() or await asked == 2


async def test_who_asks_again_at_once_is_answered_although_the_last_batch_has_only_just_ended() -> None:
    batches: Coalescer[int, int] = Coalescer(Doubler(), Limits(parallel=1))

    async def asking(item: int) -> list[int]:
        return [await batches.ask(item) for _ in range(20)]

    async with asyncio.timeout(5):
        assert await asyncio.gather(*map(asking, (1, 2, 3))) == [[2] * 20, [4] * 20, [6] * 20]


async def test_a_second_batch_leaves_beside_the_first_only_when_enough_are_waiting() -> None:
    doubler = Doubler()
    doubler.gate.clear()
    batches: Coalescer[int, int] = Coalescer(doubler, Limits(parallel=2, worth=3))
    asked = []
    for item in range(1, 5):
        asked.append(asyncio.ensure_future(batches.ask(item)))
        await asyncio.sleep(0.001)
    assert doubler.batches == [[1], [2, 3, 4]]
    doubler.gate.set()
    assert await asyncio.gather(*asked) == [2, 4, 6, 8]


async def test_one_that_came_before_the_others_travels_with_them_from_then_on() -> None:
    sizes: list[int] = []

    async def run(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        for _ in range(3):
            await asyncio.sleep(0)
        return items

    async def asking(item: int) -> None:
        if item > 0:
            await asyncio.sleep(0)
        for _ in range(10):
            await batches.ask(item)

    batches: Coalescer[int, int] = Coalescer(run, Limits(parallel=1, waits=True))
    async with asyncio.timeout(5):
        await asyncio.gather(*map(asking, range(4)))
    assert sizes == [1, 3, *[4] * 9]
