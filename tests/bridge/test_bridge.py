"""Two processes over one database, as far as one process can play both: two bridges that share nothing but MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fhir_server.bridge.bridge import Bridge, opened_bridge
from fhir_server.bridge.store import Store
from fhir_server.http.metrics import build_metrics
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import opened_env
from hl7_bridge.er7 import parse
from hl7_bridge.inbound.join import Joiner
from hl7_bridge.inbound.pipeline import Inbound, Surroundings
from hl7_bridge.inbound.processing import Processing
from hl7_bridge.journal import SqliteJournal
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


class Slow(SqliteJournal):
    """A journal that writes what is done when it is told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.told = asyncio.Event()

    async def done(self, id_: str, ack: bytes) -> None:
        await self.told.wait()
        await super().done(id_, ack)


async def test_a_message_is_answered_before_the_journal_knows_and_a_repetition_after(
    bridges: Sequence[Bridge], tmp_path: Path
) -> None:
    env, store, journal = bridges[0].env, Store(bridges[0].env), Slow(tmp_path / "journal.sqlite")
    around = Surroundings(env.clock, env.new_id, lambda _: None)
    inbound = Inbound(bridges[0].converter, journal, Processing(store, store, Joiner(env.definitions)), around)
    raw = admission(unique("P"), control_id=unique("C"))
    first = await inbound.handle(raw)
    repetition = asyncio.create_task(inbound.handle(raw))
    await asyncio.wait([repetition], timeout=0.2)
    assert not repetition.done()
    journal.told.set()
    assert first == await repetition
    await inbound.idle()
    await journal.close()


async def test_of_messages_with_one_header_one_is_stored_and_each_provenance_names_it(
    bridges: Sequence[Bridge],
) -> None:
    store, number = Store(bridges[0].env), unique("P")
    for control_id in (unique("C"), unique("C")):
        assert await sent(bridges[0], admission(number, control_id=control_id)) == "AA"
    [patient] = await store.search("Patient", f"identifier=urn:hl7v2:authority:HOSP|{number}", 3)
    told = await store.search("Provenance", f"target=Patient/{patient['id']}", 3)
    first, second = [one["entity"][1]["what"]["reference"] for one in told]
    assert first == second
    [header] = (await store.read([first])).values()
    assert header["eventCoding"]["code"] == "A01"
