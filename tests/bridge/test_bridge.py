"""Two processes over one database, as far as one process can play both: two bridges that share nothing but MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from fhir_server.bridge.bridge import Bridge, opened_bridge
from fhir_server.bridge.store import Store
from fhir_server.http.metrics import build_metrics
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import opened_env
from hl7_bridge.er7 import parse
from tests.hl7_bridge.made import admission, message, unique

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bridges(settings: Settings) -> AsyncIterator[Sequence[Bridge]]:
    async with AsyncExitStack() as held:
        envs = [await held.enter_async_context(opened_env(settings, build_metrics())) for _ in range(2)]
        yield [await held.enter_async_context(opened_bridge(env, lambda _: None)) for env in envs]


async def sent(bridge: Bridge, raw: bytes) -> str:
    """Return MSA-1 of the answer to a message."""
    [answer] = await bridge.inbound.handle(raw)
    told = parse(answer).first("MSA")
    assert told is not None
    return told.value(1)


def booking(doctor: str, start: str) -> bytes:
    return message(
        f"SCH||{unique('A')}^PLAN|||||||30|min|^^^20300410{start}00+0200",
        f"PID|1||{unique('P')}^^^HOSP^MR||DOE^JANE",
        "RGS|1",
        f"AIP|1||{doctor}^HOUSE^GREG^^^^^^HOSP",
        type_="SIU^S12^SIU_S12",
        control_id=unique("B"),
        sender="PLAN|HOSP",
    )


async def test_two_processes_never_book_the_same_time_twice(bridges: Sequence[Bridge]) -> None:
    doctor = unique("DR")
    assert await sent(bridges[0], booking(doctor, "0700")) == "AA"
    for start in ("0800", "0900", "1000", "1100", "1200", "1300"):
        acks = await asyncio.gather(*(sent(bridge, booking(doctor, start)) for bridge in bridges))
        assert sorted(acks) == ["AA", "AE"]


async def test_two_processes_that_get_the_same_message_store_it_once(bridges: Sequence[Bridge]) -> None:
    store = Store(bridges[0].env)
    for _ in range(4):
        number = unique("P")
        raw = admission(number, control_id=unique("C"))
        assert await asyncio.gather(*(sent(bridge, raw) for bridge in bridges)) == ["AA", "AA"]
        [patient] = await store.search("Patient", f"identifier=urn:hl7v2:authority:HOSP|{number}", 3)
        documents = await store.search("DocumentReference", f"subject=Patient/{patient['id']}", 3)
        assert (patient["meta"]["versionId"], len(documents)) == ("1", 1)
