"""The MLLP server on real sockets."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from hl7_bridge.framing import Fault, Framer, frame
from hl7_bridge.mllp import Limits, Server, serve

pytestmark = pytest.mark.anyio


class Desk:
    """Answers every message with itself in lower case; waits where a message says so, fails where it says so."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.faults: list[Fault] = []
        self.gate = asyncio.Event()
        self.in_work = 0
        self.most = 0

    async def handle(self, message: bytes) -> bytes | Sequence[bytes]:
        self.seen.append(message)
        self.in_work += 1
        self.most = max(self.most, self.in_work)
        try:
            if message.startswith(b"WAIT"):
                await self.gate.wait()
            if message == b"FAIL":
                raise ZeroDivisionError("patient data")
            return [] if message == b"NONE" else [b"one", b"two"] if message == b"TWO" else message.lower()
        finally:
            self.in_work -= 1

    async def refuse(self, fault: Fault) -> bytes | Sequence[bytes]:
        self.faults.append(fault)
        if fault.head == b"FAIL TOO":
            raise ZeroDivisionError
        return () if fault.kind == "noise" else fault.kind.encode()


@asynccontextmanager
async def serving(desk: Desk, **limits: float) -> AsyncIterator[Server]:
    server = await serve(desk.handle, desk.refuse, address=("127.0.0.1", 0), limits=Limits(**limits))  # type: ignore[arg-type]
    try:
        yield server
    finally:
        await server.stop(2)


class Peer:
    """A sender that writes what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.framer = Framer()
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def answers(self, count: int) -> list[bytes]:
        async with asyncio.timeout(10):
            while len(self.got) < count:
                data = await self.reader.read(4096)
                assert data, f"closed after {self.got}"
                self.got += [event for event in self.framer.feed(data) if isinstance(event, bytes)]
        found, self.got = self.got[:count], self.got[count:]
        return found

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.read()


@asynccontextmanager
async def peer(server: Server) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()


async def test_each_message_is_answered_in_its_frame() -> None:
    async with serving(Desk()) as server, peer(server) as sender:
        sender.write(frame(b"A") + frame(b"B")[:2])
        assert await sender.answers(1) == [b"a"]
        sender.write(frame(b"B")[2:])
        assert await sender.answers(1) == [b"b"]


async def test_a_message_may_have_several_answers_or_none() -> None:
    async with serving(Desk()) as server, peer(server) as sender:
        sender.write(frame(b"NONE") + frame(b"TWO") + frame(b"C"))
        assert await sender.answers(3) == [b"one", b"two", b"c"]


async def test_answers_come_in_the_order_of_the_messages_however_long_each_takes() -> None:
    desk = Desk()
    async with serving(desk) as server, peer(server) as sender:
        sender.write(frame(b"WAIT") + frame(b"B") + frame(b"C"))
        await until(lambda: len(desk.seen) == 3)
        desk.gate.set()
        assert await sender.answers(3) == [b"wait", b"b", b"c"]


async def test_a_sender_with_too_many_messages_in_work_is_not_read() -> None:
    desk = Desk()
    async with serving(desk, in_flight=2) as server, peer(server) as sender:
        sender.write(b"".join(frame(b"WAIT%d" % number) for number in range(10)))
        await until(lambda: len(desk.seen) == 2)
        await asyncio.sleep(0.05)
        assert len(desk.seen) == 2
        desk.gate.set()
        assert await sender.answers(10) == [b"wait%d" % number for number in range(10)]
        assert desk.most == 2


async def test_a_slow_sender_does_not_hold_up_another() -> None:
    desk = Desk()
    async with serving(desk, in_flight=1) as server, peer(server) as slow, peer(server) as quick:
        slow.write(frame(b"WAIT"))
        quick.write(frame(b"A"))
        assert await quick.answers(1) == [b"a"]
        desk.gate.set()
        assert await slow.answers(1) == [b"wait"]


async def test_a_message_that_fails_is_refused_and_the_connection_lives(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    async with serving(desk) as server, peer(server) as sender:
        sender.write(frame(b"FAIL") + frame(b"A"))
        assert await sender.answers(2) == [b"failed", b"a"]
    assert desk.faults == [Fault("failed", b"FAIL", 4)]
    assert "ZeroDivisionError" in caplog.text
    assert "patient data" not in caplog.text


async def test_a_message_over_the_limit_is_refused_and_the_connection_lives() -> None:
    desk = Desk()
    async with serving(desk, frame=1000) as server, peer(server) as sender:
        sender.write(frame(b"x" * 300_000) + frame(b"A"))
        assert await sender.answers(2) == [b"too-long", b"a"]


async def test_noise_is_passed_over_and_told() -> None:
    desk = Desk()
    async with serving(desk) as server, peer(server) as sender:
        sender.write(b"GET / HTTP/1.0\r\n\r\n" + frame(b"A"))
        assert await sender.answers(1) == [b"a"]
    assert [fault.kind for fault in desk.faults] == ["noise"]


async def test_a_frame_cut_off_by_the_end_of_the_connection_is_refused() -> None:
    desk = Desk()
    async with serving(desk) as server, peer(server) as sender:
        sender.write(frame(b"A") + b"\x0bMSH|half")
        sender.writer.write_eof()
        assert await sender.rest() == frame(b"a") + frame(b"truncated")
    assert desk.faults == [Fault("truncated", b"MSH|half", 8)]


async def test_a_refusal_that_fails_leaves_the_connection_alive() -> None:
    async with serving(Desk(), frame=8) as server, peer(server) as sender:
        sender.write(b"\x0bFAIL TOO\x0bMSH|A\x1c\r")
        assert await sender.answers(1) == [b"msh|a"]


async def test_an_end_mark_alone_ends_the_frame_once_the_sender_is_silent() -> None:
    async with serving(Desk(), settle=0.01) as server, peer(server) as sender:
        sender.write(b"\x0bA\x1c")
        assert await sender.answers(1) == [b"a"]


async def test_an_idle_connection_is_closed() -> None:
    async with serving(Desk(), idle=0.05) as server, peer(server) as sender:
        assert await sender.rest() == b""
        assert server.connections == 0


async def test_a_connection_with_a_message_in_work_is_not_idle() -> None:
    desk = Desk()
    async with serving(desk, idle=0.02) as server, peer(server) as sender:
        sender.write(frame(b"WAIT"))
        await until(lambda: bool(desk.seen))
        await asyncio.sleep(0.1)
        desk.gate.set()
        sender.write(frame(b"A"))
        assert await sender.answers(2) == [b"wait", b"a"]


async def test_connections_over_the_limit_are_closed_at_once() -> None:
    async with serving(Desk(), connections=1) as server, peer(server) as first:
        first.write(frame(b"A"))
        await first.answers(1)
        async with peer(server) as second:
            assert await second.rest() == b""
        first.write(frame(b"B"))
        assert await first.answers(1) == [b"b"]


async def test_stopping_answers_what_is_in_work_and_reads_no_more() -> None:
    desk = Desk()
    async with serving(desk) as server, peer(server) as sender:
        sender.write(frame(b"WAIT"))
        await until(lambda: bool(desk.seen))
        stopping = asyncio.create_task(server.stop(5))
        await asyncio.sleep(0.05)
        sender.write(frame(b"LATE"))
        desk.gate.set()
        await stopping
        assert await sender.answers(1) == [b"wait"]
    assert desk.seen == [b"WAIT"]


async def test_stopping_waits_no_longer_than_its_grace() -> None:
    desk = Desk()
    async with serving(desk) as server, peer(server) as sender:
        sender.write(frame(b"WAIT"))
        await until(lambda: bool(desk.seen))
        await server.stop(0.05)
        assert await sender.rest() == b""
        assert desk.in_work == 0


async def test_messages_of_a_sender_that_is_gone_are_still_handled() -> None:
    desk = Desk()
    async with serving(desk) as server:
        async with peer(server) as sender:
            sender.write(frame(b"WAIT") + frame(b"B"))
            await until(lambda: len(desk.seen) == 2)
            sender.writer.transport.abort()
        desk.gate.set()
        await until(lambda: server.connections == 0)
        assert desk.in_work == 0


@pytest.mark.parametrize("anyio_backend", ["asyncio", ("asyncio", {"use_uvloop": True})], ids=["asyncio", "uvloop"])
async def test_an_answer_to_a_sender_that_reset_its_connection_ends_no_other_message() -> None:
    gates = {b"A": asyncio.Event(), b"B": asyncio.Event()}
    ended: list[bytes] = []

    async def handle(message: bytes) -> bytes:
        await gates[message].wait()
        ended.append(message)
        return message

    server = await serve(handle, Desk().refuse, address=("127.0.0.1", 0))
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as sender:
            sender.sendall(frame(b"A") + frame(b"B"))
            await asyncio.sleep(0.05)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets
        await asyncio.sleep(0.05)
        for gate in gates.values():
            gate.set()
            await asyncio.sleep(0.05)
        await until(lambda: server.connections == 0)
        assert ended == [b"A", b"B"]
    finally:
        await server.stop(2)


async def test_it_listens_at_a_socket_that_it_is_given() -> None:
    desk = Desk()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = await serve(desk.handle, desk.refuse, address=bound)
        assert server.port == bound.getsockname()[1]
        async with peer(server) as sender:
            sender.write(frame(b"A"))
            assert await sender.answers(1) == [b"a"]
        await server.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 – what is waited for happens in the server
            await asyncio.sleep(0.005)
