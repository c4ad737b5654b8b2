"""What a killed process had begun is processed by another one, and by one only."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from fhir_server.bridge.bridge import Bridge, opened_bridge
from fhir_server.bridge.leftover import AGE, take_up
from fhir_server.bridge.store import Store
from fhir_server.http.metrics import build_metrics
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import opened_env
from hl7_bridge.er7 import parse
from hl7_bridge.inbound.letters import letter_of
from hl7_bridge.ports import Letter
from tests.hl7_bridge.made import admission, unique

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bridge(settings: Settings) -> AsyncIterator[Bridge]:
    async with opened_env(settings, build_metrics()) as env, opened_bridge(env, lambda _: None) as bridge:
        await take_up(bridge)  # what other tests have left
        yield bridge


async def begun(bridge: Bridge, raw: bytes, ago: timedelta) -> Letter:
    """Leave a message as a process leaves it that is killed at its work."""
    letter = letter_of(raw, parse(raw), datetime.now(UTC) - ago)
    assert await bridge.journal.save(letter) is None
    return letter


async def state(bridge: Bridge, letter: Letter) -> str:
    stored = await bridge.journal.get(letter.id)
    assert stored is not None
    return stored.state


async def versions(bridge: Bridge, number: str) -> list[str]:
    found = await Store(bridge.env).search("Patient", f"identifier=urn:hl7v2:authority:HOSP|{number}", 3)
    return [one["meta"]["versionId"] for one in found]


async def test_what_was_left_is_processed_and_a_repetition_changes_nothing(bridge: Bridge) -> None:
    number = unique("P")
    raw = admission(number, control_id=unique("L"))
    letter = await begun(bridge, raw, 2 * AGE)
    assert await take_up(bridge) == 1
    assert (await state(bridge, letter), await versions(bridge, number)) == ("done", ["1"])
    [answer] = await bridge.inbound.handle(raw)
    assert b"|AA|" in answer
    assert await versions(bridge, number) == ["1"]
    assert await take_up(bridge) == 0


async def test_what_cannot_be_processed_waits_for_a_person(bridge: Bridge) -> None:
    letter = await begun(bridge, admission("", control_id=unique("L")).replace(b"PID|", b"ZID|"), 2 * AGE)
    assert await take_up(bridge) == 1
    assert await state(bridge, letter) == "dead"


async def test_what_is_in_work_is_left_alone(bridge: Bridge) -> None:
    letter = await begun(bridge, admission(unique("P"), control_id=unique("L")), timedelta())
    assert await take_up(bridge) == 0
    assert await state(bridge, letter) == "received"


async def test_a_letter_is_given_to_one_process_at_a_time(bridge: Bridge) -> None:
    letter = await begun(bridge, admission(unique("P"), control_id=unique("L")), 2 * AGE)
    taken = await bridge.journal.left(AGE)
    assert taken is not None
    assert taken.id == letter.id
    assert await bridge.journal.left(AGE) is None
