import asyncio

import pytest

from hl7_bridge.inbound.order import Order

pytestmark = pytest.mark.anyio


async def run(order: Order, log: list[str], name: str, *keys: str, rounds: int = 3) -> None:
    async with order.turn(keys):
        for _ in range(rounds):
            log.append(name)
            await asyncio.sleep(0)


async def test_messages_of_one_patient_run_one_after_the_other_in_order_of_arrival() -> None:
    order, log = Order(), []
    await asyncio.gather(*(run(order, log, name, "p") for name in "abc"))
    assert "".join(log) == "aaabbbccc"


async def test_messages_of_other_patients_run_beside() -> None:
    order, log = Order(), []
    await asyncio.gather(run(order, log, "a", "p"), run(order, log, "b", "q"))
    assert "".join(log) == "ababab"


async def test_a_message_about_two_patients_waits_for_both_and_holds_both() -> None:
    order, log = Order(), []
    await asyncio.gather(
        run(order, log, "a", "p"), run(order, log, "m", "q", "p"), run(order, log, "b", "q"), run(order, log, "c", "p")
    )
    assert "".join(log)[:6] == "aaammm"
    assert log.index("m") < log.index("b")
    assert log.index("m") < log.index("c")


async def test_crossed_pairs_do_not_wait_for_each_other_for_ever() -> None:
    order, log = Order(), []
    async with asyncio.timeout(5):
        await asyncio.gather(run(order, log, "a", "p", "q"), run(order, log, "b", "q", "p"))
    assert "".join(log) == "aaabbb"


async def test_a_message_that_fails_or_is_given_up_lets_the_next_one_go_on() -> None:
    order, log = Order(), []

    async def fails() -> None:
        async with order.turn(["p"]):
            await asyncio.sleep(0)
            raise ValueError

    failing = asyncio.create_task(fails())
    given_up = asyncio.create_task(run(order, log, "x", "p"))
    last = asyncio.create_task(run(order, log, "b", "p"))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(failing, given_up, last, return_exceptions=True)
    assert "".join(log) == "bbb"
