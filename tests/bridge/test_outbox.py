"""From a change in the server to a message at a partner's real MLLP listener, by one process at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx2
import pytest

from fhir_server.bridge import outbox
from fhir_server.http.middleware import Edge
from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import build_app
from hl7_bridge.er7 import Message, parse
from hl7_bridge.framing import Fault
from hl7_bridge.mllp import Server, serve
from tests.hl7_bridge.made import unique

pytestmark = pytest.mark.anyio

_SOON_S = 20


class Receiver:
    """A laboratory that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self._came = asyncio.Event()

    async def handle(self, raw: bytes) -> bytes:
        message = parse(raw)
        self.got.append(message)
        self._came.set()
        return f"MSH|^~\\&|LAB|NORTH|FHIR|CITY|||ACK|1|P|2.5.1\rMSA|AA|{message.control_id}\r".encode()

    async def refuse(self, _fault: Fault) -> Sequence[bytes]:
        return ()

    async def about(self, text: str) -> list[Message]:
        """Wait for messages that hold a text, and for others that may come."""
        async with asyncio.timeout(_SOON_S):
            while not any(text.encode() in one.raw for one in self.got):
                await self._came.wait()
                self._came.clear()
        await asyncio.sleep(0.5)
        return [one for one in self.got if text.encode() in one.raw]


@pytest.fixture
async def laboratory() -> Receiver:
    return Receiver()


@pytest.fixture
async def listener(laboratory: Receiver) -> AsyncIterator[Server]:
    server = await serve(laboratory.handle, laboratory.refuse, address=("127.0.0.1", 0))
    yield server
    await server.stop(1)


@pytest.fixture
async def partners(tmp_path: Path, listener: Server) -> Path:
    path = tmp_path / "partners.yaml"
    path.write_text(f"lab:\n  address: 127.0.0.1:{listener.port}\n  tells: [Patient]\n  receiver: [LAB, NORTH]\n")
    return path


def application(settings: Settings, partners: Path) -> Edge:
    return build_app(
        Settings(mongo=settings.mongo, database=f"{settings.database}_out", log_level="error", hl7_partners=partners)
    )


async def test_a_change_is_told_once_though_two_processes_could(
    settings: Settings, partners: Path, laboratory: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_RENEW_EVERY_S", 0.2)
    one, two = application(settings, partners), application(settings, partners)
    contexts = [app.framework.router.lifespan_context(app.framework) for app in (one, two)]
    async with contexts[0], contexts[1]:
        await asyncio.sleep(3)  # what happened before is no news: the first look notes where the history stands
        name = unique("Outbound")
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=two), base_url="http://test/fhir") as client:
            body = {
                "resourceType": "Patient",
                "identifier": [{"system": "urn:oid:1.2.3", "value": name}],
                "name": [{"family": name}],
            }
            (await client.post("/Patient", json=body)).raise_for_status()
        messages = await laboratory.about(name)
    assert [one.type for one in messages] == ["ADT"]


async def test_a_file_that_cannot_be_used_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "partners.yaml"
    path.write_text("lab: 1")
    app = application(settings, path)
    with pytest.raises(Unavailable, match="partners"):
        async with app.framework.router.lifespan_context(app.framework):
            pass
