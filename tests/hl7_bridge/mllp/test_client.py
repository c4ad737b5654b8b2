"""The MLLP client against real servers, well-behaved and not."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which

import pytest

from hl7_bridge.framing import Fault, frame
from hl7_bridge.mllp import Client, Server, Unanswered, Unreachable, client_context, serve, server_context

pytestmark = pytest.mark.anyio


def message(control_id: str) -> bytes:
    return f"MSH|^~\\&|A|B|C|D|||ADT^A08|{control_id}|P|2.5\rPID|1\r".encode()


def ack(control_id: str, code: str = "AA") -> bytes:
    return f"MSH|^~\\&|C|D|A|B|||ACK|x|P|2.5\rMSA|{code}|{control_id}\r".encode()


async def accept(raw: bytes) -> bytes:
    return ack(raw.split(b"|")[9].decode())


async def refuse(_fault: Fault) -> Sequence[bytes]:
    return ()


@asynccontextmanager
async def server(
    handle: Callable[[bytes], Awaitable[bytes | Sequence[bytes]]] = accept, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    one = await serve(handle, refuse, address=("127.0.0.1", 0), tls=tls)
    try:
        yield one
    finally:
        await one.stop(1)


async def test_a_message_gets_its_acknowledgement() -> None:
    async with server() as one, Client("127.0.0.1", one.port) as client:
        answer = await client.send(message("7"))
        assert (answer.code, answer.control_id, answer.accepted) == ("AA", "7", True)


async def test_errors_of_the_receiver_are_told() -> None:
    async def handle(_raw: bytes) -> bytes:
        return (
            ack("7", "AE|").replace(b"||7", b"|7|sorry")
            + b"ERR||PID^1^3|101^Required field missing|E||||no identifier\r"
        )

    async with server(handle) as one, Client("127.0.0.1", one.port) as client:
        answer = await client.send(message("7"))
        assert (answer.accepted, answer.repeatable, answer.text) == (False, True, "sorry; no identifier")


async def test_only_the_acknowledgement_of_the_message_counts() -> None:
    async def handle(_raw: bytes) -> Sequence[bytes]:
        return [ack("6"), b"rubbish", b"MSH|^~\\&\r", ack("7", "AR")]

    async with server(handle) as one, Client("127.0.0.1", one.port) as client:
        assert (await client.send(message("7"))).code == "AR"


async def test_the_final_acknowledgement_follows_the_commit() -> None:
    async def handle(_raw: bytes) -> Sequence[bytes]:
        return [ack("7", "CA"), ack("7", "AA")]

    async with server(handle) as one, Client("127.0.0.1", one.port) as client:
        assert (await client.send(message("7"), final=True)).code == "AA"
        assert (await client.send(message("7"))).code == "CA"


async def test_messages_of_several_tasks_take_turns() -> None:
    async with server() as one, Client("127.0.0.1", one.port) as client:
        answers = await asyncio.gather(*(client.send(message(str(number))) for number in range(20)))
        assert [answer.control_id for answer in answers] == [str(number) for number in range(20)]


async def test_a_receiver_that_is_silent_leaves_the_message_unanswered() -> None:
    async def handle(_raw: bytes) -> Sequence[bytes]:
        return ()

    async with server(handle) as one, Client("127.0.0.1", one.port, timeout=0.05) as client:
        with pytest.raises(Unanswered):
            await client.send(message("7"))


async def test_a_receiver_that_hangs_up_leaves_the_message_unanswered() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.close()

    listener = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listener, Client("127.0.0.1", listener.sockets[0].getsockname()[1]) as client:
        with pytest.raises(Unanswered):
            await client.send(message("7"))


async def test_it_connects_again_when_the_receiver_has_closed() -> None:
    served = []

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(await reader.readuntil(b"\x1c\r"))
        writer.write(frame(ack(str(len(served)))))
        writer.close()

    listener = await asyncio.start_server(one_answer, "127.0.0.1", 0)
    async with listener, Client("127.0.0.1", listener.sockets[0].getsockname()[1]) as client:
        assert (await client.send(message("1"))).accepted
        await asyncio.sleep(0.05)
        assert (await client.send(message("2"))).accepted


async def test_no_receiver_is_unreachable() -> None:
    async with server() as one:
        port = one.port
    async with Client("127.0.0.1", port) as client:
        with pytest.raises(Unreachable):
            await client.send(message("7"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates that sign themselves: server.pem, sender.pem, stranger.pem, each with its key."""
    if not which("openssl"):
        pytest.skip("needs openssl to make certificates")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "sender", "stranger"):
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} "
            f"-addext subjectAltName=IP:127.0.0.1 -keyout {name}.key -out {name}.pem".split(),
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder


def known_as(folder: Path, name: str | None) -> ssl.SSLContext:
    who = {"certificate": folder / f"{name}.pem", "key": folder / f"{name}.key"} if name else {}
    return client_context(authorities=folder / "server.pem", **who)


async def test_tls_is_spoken(certificates: Path) -> None:
    context = server_context(certificates / "server.pem", certificates / "server.key")
    async with server(tls=context) as one, Client("127.0.0.1", one.port, tls=known_as(certificates, None)) as client:
        assert (await client.send(message("7"))).accepted


async def test_a_server_that_is_not_trusted_is_not_sent_anything(certificates: Path) -> None:
    context = server_context(certificates / "stranger.pem", certificates / "stranger.key")
    async with server(tls=context) as one, Client("127.0.0.1", one.port, tls=known_as(certificates, None)) as client:
        with pytest.raises(Unreachable):
            await client.send(message("7"))


async def test_mutual_tls_knows_its_senders(certificates: Path) -> None:
    context = server_context(
        certificates / "server.pem", certificates / "server.key", clients=certificates / "sender.pem"
    )
    async with server(tls=context) as one:
        async with Client("127.0.0.1", one.port, tls=known_as(certificates, "sender")) as client:
            assert (await client.send(message("7"))).accepted
        for stranger in ("stranger", None):
            async with Client("127.0.0.1", one.port, tls=known_as(certificates, stranger)) as client:
                with pytest.raises((Unreachable, Unanswered)):
                    await client.send(message("7"))
