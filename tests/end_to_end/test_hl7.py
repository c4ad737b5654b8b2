"""HL7 v2 over MLLP against a real server of two processes: nothing twice, nothing lost, and no message ends it."""

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hl7_bridge.ack import Stamp, answers
from hl7_bridge.er7 import parse
from hl7_bridge.framing import frame
from tests.end_to_end.served import Served, served
from tests.hl7_bridge.made import admission, merge, report, unique

pytestmark = pytest.mark.anyio

SYSTEM = "urn:hl7v2:authority:HOSP"
SHARED = Path(__file__).parents[2].parent / "shared" / "v2" / "messages"


class Mllp:
    """A sender: one connection, one message after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, raw: bytes, answers: int = 1) -> str:
        """Return MSA-1 of the last answer."""
        answer = await self.exchange(frame(raw))
        for _ in range(answers - 1):
            answer = await self.exchange(b"")
        return _code(answer)

    async def exchange(self, data: bytes) -> bytes:
        """Send bytes as they are, return the next frame."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(data)
        async with asyncio.timeout(60):
            return (await reader.readuntil(b"\x1c\r"))[1:-2]

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            with suppress(OSError):
                await self._streams[1].wait_closed()


Connect = Callable[[int], Mllp]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes senders, and closes them when the test ends."""
    made: list[Mllp] = []

    def sender(port: int) -> Mllp:
        made.append(Mllp(port))
        return made[-1]

    yield sender
    for one in made:
        await one.close()


def _code(answer: bytes) -> str:
    told = parse(answer).first("MSA")
    assert told is not None, answer
    return told.value(1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Served]:
    with served(
        tmp_path_factory.mktemp("hl7") / "data", "--workers", "2", "--mllp-workers", "2", "--mllp", str(port)
    ) as running:
        yield running


async def state(url: str) -> dict[str, str]:
    """Every current resource of the server, by address, with a digest of its content."""
    found: dict[str, str] = {}
    async with httpx2.AsyncClient(timeout=60) as client:
        next_: str | None = f"{url}?_count=1000"
        while next_:
            bundle = (await client.get(next_)).raise_for_status().json()
            for entry in bundle.get("entry", ()):
                text = json.dumps(entry["resource"], sort_keys=True)
                found[entry["fullUrl"]] = hashlib.sha256(text.encode()).hexdigest()
            next_ = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    return found


async def search(url: str, query: str) -> list[dict[str, Any]]:
    async with httpx2.AsyncClient(timeout=60) as client:
        bundle = (await client.get(f"{url}/{query}")).raise_for_status().json()
    return [entry["resource"] for entry in bundle.get("entry", ())]


def day(patients: int) -> list[bytes]:
    """Messages of a day: admissions, reports with corrections, changes, a merge."""
    ids = [unique("d") for _ in range(patients)]
    messages = [admission(id_, control_id=unique("E")) for id_ in ids]
    for id_ in ids:
        order = unique("O")
        for value, status in (("4.1", "P"), ("4.4", "C")):
            messages.append(report(id_, order, value, control_id=unique("E"), status=status))
        messages.append(admission(id_, control_id=unique("E"), at="20240502100000+0000", address="1 MAIN ST^^TOWN"))
    messages.append(merge(ids[0], ids[1], control_id=unique("E")))
    return messages


async def test_each_message_sent_twice_leaves_the_store_as_after_once(
    server: Served, port: int, connect: Connect
) -> None:
    messages = day(5)
    states = []
    for connection in (connect(port), connect(port)):
        assert {await connection.send(raw) for raw in messages} == {"AA"}
        states.append(await state(server.url))
    assert states[0] == states[1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared messages are not here")
async def test_each_shared_message_sent_twice_leaves_the_store_as_after_once(
    server: Served, port: int, connect: Connect
) -> None:
    sender = connect(port)
    messages = {path.parent.name: path.read_bytes() for path in sorted(SHARED.glob("*/*/message.hl7"))}
    codes, states = [], []
    for _ in range(2):
        codes.append({name: await sender.send(raw, _answers(raw)) for name, raw in messages.items() if _answers(raw)})
        states.append(await state(server.url))
    assert codes[0] == codes[1]
    assert states[0] == states[1]
    assert {name: code for name, code in codes[0].items() if code not in ("AA", "CA", "AE")} == {}


def _answers(raw: bytes) -> int:
    """How many acknowledgements a message asks for."""
    return len(answers(parse(raw), "accepted", stamp=Stamp("1", datetime(2024, 1, 1, tzinfo=UTC))))


async def test_many_connections_about_the_same_patients_make_nothing_twice(
    server: Served, port: int, connect: Connect
) -> None:
    ids = [unique("m") for _ in range(3)]
    connections = [connect(port) for _ in range(16)]

    async def work(connection: Mllp) -> list[str]:
        raws = [report(id_, unique("O"), "4.1", control_id=unique("E")) for id_ in ids * 2]
        return [await connection.send(raw) for raw in raws]

    codes = await asyncio.gather(*map(work, connections))
    assert {code for some in codes for code in some} == {"AA"}
    for id_ in ids:
        [patient] = await search(server.url, f"Patient?identifier={SYSTEM}|{id_}")
        observations = await search(server.url, f"Observation?subject=Patient/{patient['id']}&_count=100")
        assert len(observations) == 2 * len(connections)


async def test_pipelined_messages_of_one_connection_keep_their_order(
    server: Served, port: int, connect: Connect
) -> None:
    id_ = unique("p")
    raws = [
        admission(id_, control_id=unique("E"), name=f"DOE^N{number}", at="20240501100000+0000") for number in range(20)
    ]
    sender = connect(port)
    got = [await sender.exchange(b"".join(map(frame, raws)))]
    got += [await sender.exchange(b"") for _ in raws[1:]]
    asked = [parse(raw).control_id for raw in raws]
    assert [parse(answer).first("MSA").value(2) for answer in got] == asked  # type: ignore[union-attr]
    [patient] = await search(server.url, f"Patient?identifier={SYSTEM}|{id_}")
    assert patient["name"][0]["given"] == ["N19"]


@pytest.mark.parametrize(
    "bad",
    [
        frame(b"hello"),
        frame(b"MSH|^~\\&|A|B\x0bC\r"),
        frame(b"|~MSH^a|b"),
        frame(b"MSH|^~\\&|A|B|C|D|2024||ADT^A01|1|P|2.5\rPID|1||\x00\xff|||\\X0D\\|2024-99\rPV1|1|\\X0D\\"),
        frame(b"\x00" * 1000),
        b"noise" + frame(b"MSH|^~\\&|A|B|C|D|2024||ZZZ^Z01|1|P|2.5\r"),
        b"\x0bMSH|^~\\&|cut" + frame(b"MSH|^~\\&|A|B|C|D|2024||ADT^A01|2|P|2.5\r"),
        frame(b"MSH|^~\\&|A|B|C|D|2024||ADT^A01|3|P|2.5||||||UNICODE UTF-16\rPID|1\r"),
        frame("MSH|^~\\&|A|B|C|D|2024||MDM^T02|4|P|2.5\rOBX|1|ED|x||<ClinicalDocument/>\r".encode("utf-16")),
    ],
)
async def test_the_connection_outlives_bad_input(server: Served, port: int, connect: Connect, bad: bytes) -> None:
    sender = connect(port)
    assert _code(await sender.exchange(bad)) in ("AE", "AR", "CR")
    if bad.startswith(b"\x0bMSH|^~\\&|cut"):
        assert _code(await sender.exchange(b"")) in ("AE", "AR")
    assert await sender.send(admission(unique("g"), control_id=unique("E"))) == "AA"


async def test_a_frame_of_200_megabytes_is_refused_without_being_held(
    server: Served, port: int, connect: Connect
) -> None:
    head = b"\x0bMSH|^~\\&|BIG|HOSP|C|D|2024||ADT^A01|huge|P|2.5\r"
    sender = connect(port)
    assert _code(await sender.exchange(head + b"x" * 200_000_000 + b"\x1c\r")) == "AR"
    assert await sender.send(admission(unique("g"), control_id=unique("E"))) == "AA"


async def test_the_log_holds_no_patient_data(server: Served, port: int, connect: Connect) -> None:
    sender = connect(port)
    await sender.send(admission("SECRETID", control_id=unique("E"), name="SECRETNAME^X", born="19801399"))
    await sender.send(admission("SECRETID", control_id=unique("E"), name="SECRETNAME^X"))
    await sender.send(b"MSH|^~\\&|A|B|C|D|2024||SECRETTYPE^Z01|1|P|2.5\rPID|1||SECRETID\r"[:40] + b"\r")
    log = server.log.read_text()
    assert '"event":"hl7"' in log
    assert "SECRETID" not in log
    assert "SECRETNAME" not in log


async def test_what_was_acknowledged_survives_kill_9_and_what_was_not_is_made_once(
    tmp_path: Path, connect: Connect
) -> None:
    acknowledged: list[str] = []
    under_way: list[bytes] = []
    enough = asyncio.Event()

    async def write(port: int) -> None:
        sender = connect(port)
        try:
            while True:
                id_ = unique("k")
                raw = report(id_, unique("O"), "4.1", control_id=unique("E"))
                under_way.append(raw)
                if await sender.send(raw) == "AA":
                    acknowledged.append(id_)
                    under_way.remove(raw)
                    if len(acknowledged) > 8:
                        enough.set()
        except (OSError, asyncio.IncompleteReadError):
            return

    port = free_port()
    flags = ("--workers", "2", "--mllp-workers", "2", "--mllp", str(port))
    with served(tmp_path / "data", *flags) as running:
        writers = [asyncio.create_task(write(port)) for _ in range(8)]
        await asyncio.wait_for(enough.wait(), 60)
        running.kill()
        await asyncio.gather(*writers)
    assert under_way
    with served(tmp_path / "data", *flags) as running:
        sender = connect(port)
        assert {await sender.send(raw) for raw in under_way} == {"AA"}
        repeated = [parse(raw).first("PID").value(3) for raw in under_way]  # type: ignore[union-attr]
        for id_ in (*acknowledged, *repeated):
            [patient] = await search(running.url, f"Patient?identifier={SYSTEM}|{id_}")
            for query in ("Observation?subject", "DiagnosticReport?subject", "Provenance?target"):
                assert len(await search(running.url, f"{query}=Patient/{patient['id']}")) == 1
