"""From a change on a real server to a message at a real receiver."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from hl7_bridge.er7 import Message, parse
from hl7_bridge.framing import Fault
from hl7_bridge.mllp import Client, Server, Unanswered, Unreachable, serve
from hl7_bridge.outbound import Partner
from hl7_bridge.outbound.delivery import Change, Delivery, Destination, HttpFeed, Outgoing, SqliteOutbox, deliver
from hl7_bridge.outbound.delivery.deliver import ATTEMPTS, control_id_of

pytestmark = pytest.mark.anyio

PARTNER = Partner(sender=("FHIR", "CITY"), receiver=("LAB", "NORTH"))


class Receiver:
    """A laboratory that keeps what it gets and answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.code = "AA"

    async def handle(self, raw: bytes) -> bytes | Sequence[bytes]:
        message = parse(raw)
        self.got.append(message)
        if self.code == "silent":
            return ()
        return f"MSH|^~\\&|LAB|NORTH|FHIR|CITY|||ACK|1|P|2.5.1\rMSA|{self.code}|{message.control_id}\r".encode()

    async def refuse(self, _fault: Fault) -> Sequence[bytes]:
        return ()


@pytest.fixture
async def laboratory() -> Receiver:
    return Receiver()


@pytest.fixture
async def listening(laboratory: Receiver) -> AsyncIterator[Server]:
    server = await serve(laboratory.handle, laboratory.refuse, address=("127.0.0.1", 0))
    yield server
    await server.stop(1)


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[SqliteOutbox]:
    one = SqliteOutbox(tmp_path / "outbox.sqlite")
    yield one
    await one.close()


def now() -> datetime:
    return datetime.now(UTC)


def to(port: int, name: str = "lab", timeout: float = 5) -> Destination:
    return Destination(
        name=name, host="127.0.0.1", port=port, tells=frozenset({"Patient"}), partner=PARTNER, timeout=timeout
    )


class Changes:
    """A feed of prepared changes; nothing is around them."""

    def __init__(self, *changes: Change) -> None:
        self.all = list(changes)
        self.asked: list[str] = []

    async def changes(self, _types: object, since: str) -> list[Change]:
        self.asked.append(since)
        return self.all

    async def read(self, _references: object) -> dict[str, object]:
        return {}


def change(id_: str, origin: str = "", **parts: object) -> Change:
    resource = {"resourceType": "Patient", "id": id_, "name": [{"family": "Berg"}], **parts}
    return Change(resource, f"Patient/{id_}/_history/1", "create", now().isoformat(), origin)


async def waiting(outbox: SqliteOutbox, *changes: Change, port: int = 1) -> Delivery:
    """Return a delivery whose changes are queued."""
    delivery = Delivery(to(port), outbox, Changes(*changes), clock=now)  # type: ignore[arg-type]
    await outbox.put("lab", (), now().isoformat())
    await delivery.collect()
    return delivery


async def test_what_happens_on_the_server_reaches_the_partner_in_order(
    fhir: httpx2.AsyncClient, laboratory: Receiver, listening: Server, outbox: SqliteOutbox
) -> None:
    task = asyncio.create_task(deliver([to(listening.port)], outbox, HttpFeed(fhir), clock=now, pause=0.05))
    await until(lambda: outbox.cursor("lab"))
    for family in ("Berg", "Lind"):
        patient = {"resourceType": "Patient", "id": "deliver-1", "name": [{"family": family}]}
        assert (await fhir.put("Patient/deliver-1", json=patient)).is_success
    await fhir.delete("Patient/deliver-1")

    def mine() -> list[Message]:
        return [one for one in laboratory.got if one.every("PID")[0].value(3) == "deliver-1"]

    await until(lambda: len(mine()) == 3)
    await asyncio.sleep(0.2)
    task.cancel()
    assert [(one.trigger, one.every("PID")[0].value(5)) for one in mine()] == [
        ("A28", "Berg"),
        ("A31", "Lind"),
        ("A29", "Lind"),
    ]


async def test_what_happened_before_the_partner_was_connected_is_not_told(outbox: SqliteOutbox) -> None:
    delivery = Delivery(to(1), outbox, Changes(change("1")), clock=now)  # type: ignore[arg-type]
    assert await delivery.collect() == 0
    assert await outbox.next("lab") is None
    assert await outbox.cursor("lab") is not None


async def test_changes_are_read_again_for_a_while_and_queued_once(outbox: SqliteOutbox) -> None:
    start = now()
    feed = Changes(change("1"))
    delivery = Delivery(to(1), outbox, feed, clock=now)  # type: ignore[arg-type]
    await outbox.put("lab", (), start.isoformat())
    assert [await delivery.collect(), await delivery.collect()] == [1, 0]
    assert datetime.fromisoformat(feed.asked[0]) == start - timedelta(seconds=10)
    assert datetime.fromisoformat(await outbox.cursor("lab") or "") == datetime.fromisoformat(feed.all[0].occurred)


async def test_what_the_partner_itself_has_told_is_not_told_to_it(outbox: SqliteOutbox) -> None:
    await waiting(outbox, change("1", origin="LAB|NORTH"), change("2", origin="WARD|SOUTH"))
    queued = await outbox.ended("lab", "waiting")
    assert [one.subject for one in queued] == ["Patient/2/_history/1"]


async def test_a_change_that_no_message_can_tell_is_kept_with_the_reason(outbox: SqliteOutbox) -> None:
    nameless, broken = change("1"), change("2", name="no list")
    nameless.resource["name"] = []
    await waiting(outbox, nameless, broken, change("3"))
    untold = await outbox.ended("lab", "untold")
    assert [(one.subject, bool(one.reason), one.raw) for one in untold] == [
        ("Patient/1/_history/1", True, b""),
        ("Patient/2/_history/1", True, b""),
    ]
    assert (await outbox.next("lab") or untold[0]).subject == "Patient/3/_history/1"


@pytest.mark.parametrize(
    ("code", "attempts", "state"),
    [
        ("AA", 1, "accepted"),
        ("CA", 1, "accepted"),
        ("AR", 1, "refused"),
        ("CR", 1, "refused"),
        ("AE", 1, "waiting"),
        ("AE", ATTEMPTS, "refused"),
    ],
)
async def test_the_answer_decides_what_becomes_of_a_message(
    laboratory: Receiver, listening: Server, outbox: SqliteOutbox, code: str, attempts: int, state: str
) -> None:
    laboratory.code = code
    delivery = await waiting(outbox, change("1"), change("2"))
    done: Outgoing | None = None
    async with Client("127.0.0.1", listening.port) as client:
        for _ in range(attempts):
            done = await delivery.send_next(client)
    assert done is not None
    assert (done.subject, done.state, done.attempts) == ("Patient/1/_history/1", state, attempts)
    assert f"MSA|{code}|{done.control_id}".encode() in done.answer
    following = await outbox.next("lab")
    assert following is not None
    assert (following.subject == done.subject) == (state == "waiting")


async def test_while_the_partner_cannot_be_reached_all_wait(
    laboratory: Receiver, listening: Server, outbox: SqliteOutbox
) -> None:
    delivery = await waiting(outbox, change("1"))
    laboratory.code = "silent"
    async with Client("127.0.0.1", listening.port, timeout=0.05) as client:
        with pytest.raises(Unanswered):
            await delivery.send_next(client)
    async with Client("127.0.0.1", 1) as client:
        with pytest.raises(Unreachable):
            await delivery.send_next(client)
    assert len(await outbox.ended("lab", "waiting")) == 1


async def test_a_partner_that_comes_back_gets_what_waited(
    laboratory: Receiver, listening: Server, outbox: SqliteOutbox
) -> None:
    delivery = await waiting(outbox, change("1"), change("2"), port=listening.port)
    laboratory.code = "AE"
    delivery._pause = 0.02
    task = asyncio.create_task(delivery.run())
    await until(lambda: len(laboratory.got) == 2)
    laboratory.code = "AA"
    await until(lambda: len(laboratory.got) >= 4)
    task.cancel()
    patients = [one.every("PID")[0].value(3) for one in laboratory.got]
    assert patients == ["1"] * (len(patients) - 1) + ["2"]


async def test_a_queue_that_fails_for_a_moment_ends_nothing(
    laboratory: Receiver, listening: Server, outbox: SqliteOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        """The same queue, whose disk is full at first."""

        left = 3

        def __getattr__(self, name: str) -> object:
            if name in ("cursor", "next") and self.left:
                self.left -= 1
                raise OSError("patient data")
            return getattr(outbox, name)

    await waiting(outbox, change("1"), port=listening.port)
    delivery = Delivery(to(listening.port), Failing(), Changes(), clock=now, pause=0.02)  # type: ignore[arg-type]
    task = asyncio.create_task(delivery.run())
    await until(lambda: laboratory.got)
    task.cancel()
    assert "OSError" in caplog.text
    assert "patient data" not in caplog.text


async def test_nothing_to_send_is_nothing(outbox: SqliteOutbox) -> None:
    delivery = Delivery(to(1), outbox, Changes(), clock=now)  # type: ignore[arg-type]
    assert await delivery.send_next(Client("127.0.0.1", 1)) is None


def test_a_version_has_the_same_control_id_each_time_and_one_for_each_partner() -> None:
    one = control_id_of("lab", "Patient/1/_history/1")
    assert one == control_id_of("lab", "Patient/1/_history/1")
    assert len({one, control_id_of("lab", "Patient/1/_history/2"), control_id_of("ward", "Patient/1/_history/1")}) == 3
    assert len(one) == 20


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)
