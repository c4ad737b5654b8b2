"""MongoDB goes away, is killed, comes back: nothing acknowledged is lost, and everything goes on by itself."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fhir_server.kernel.errors import Conflict, Unavailable
from fhir_server.kernel.query import EVERYTHING
from fhir_server.kernel.settings import Settings
from fhir_server.storage import Storage, open_storage
from fhir_server.storage.embedded import Mongod
from tests.storage.conftest import index_specs
from tests.storage.make import creation, update


class Server:
    """A mongod that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data=folder, query_time_limit_ms=3_000)
        self.mongod: Mongod | None = None

    async def start(self) -> str:
        self.mongod = await Mongod.start(self.settings)
        return self.mongod.uri

    def kill(self) -> None:
        assert self.mongod is not None
        os.kill(self.mongod.process.pid, signal.SIGKILL)
        self.mongod.process.wait()
        self.mongod.home.release()

    async def stop(self) -> None:
        assert self.mongod is not None
        await self.mongod.stop()


class Acknowledged:
    """The newest version of each resource that a commit has promised to keep."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}
        self._grown = asyncio.Condition()

    async def note(self, name: str, version: int) -> None:
        async with self._grown:
            self.versions[name] = version
            self._grown.notify_all()

    async def grown_by(self, count: int) -> None:
        goal = len(self.versions) + count
        async with self._grown:
            await self._grown.wait_for(lambda: len(self.versions) >= goal)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    one = Server(tmp_path / "data")
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def survivor(server: Server, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    monkeypatch.setattr("fhir_server.storage.client._SELECTION_MS", 500)
    assert server.mongod is not None
    settings = Settings(mongo=server.mongod.uri, query_time_limit_ms=3_000)
    async with open_storage(settings, index_specs) as storage:
        yield storage


async def test_while_mongodb_is_away_everything_is_unavailable_and_later_works_again(
    server: Server, survivor: Storage
) -> None:
    await survivor.writer.commit([change := creation("a")])
    server.kill()
    promises = [
        survivor.ping(),
        survivor.reader.read("Patient", "a", EVERYTHING),
        survivor.reader.read_version("Patient", "a", 1, EVERYTHING),
        survivor.writer.commit([creation("b")]),
        survivor.writer.commit([update(change.draft.version)]),
        survivor.writer.commit([creation(f"n{number}") for number in range(300)]),
        survivor.guards.see(["k"]),
        survivor.history.page(None, access=EVERYTHING, count=10),
        survivor.blobs.put(b"x"),
        survivor.secret("s"),
    ]
    answers = await asyncio.gather(*promises, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * len(promises)
    assert {answer.headers["Retry-After"] for answer in answers if isinstance(answer, Unavailable)} == {"5"}
    await server.start()
    await survivor.ping()
    await survivor.writer.commit([update(change.draft.version)])
    assert [finding async for finding in survivor.verify()] == []


async def test_killed_three_times_under_eight_writers_nothing_acknowledged_is_lost(
    server: Server, survivor: Storage
) -> None:
    acknowledged = Acknowledged()
    running = True

    async def write(name: str) -> None:
        """Create, then update again and again; what fails is read anew, as the interactions do."""
        while running:
            try:
                current = await survivor.reader.read("Patient", name, EVERYTHING)
                change = creation(name) if current is None else update(current)
                await survivor.writer.commit([change])
                await acknowledged.note(name, change.draft.version.version)
                lone = creation(f"{name}-{change.draft.version.version}", type_="Observation")
                await survivor.writer.commit([lone])
                await acknowledged.note(lone.draft.version.id, 1)
            except (Unavailable, Conflict):
                await asyncio.sleep(0.01)

    writers = [asyncio.ensure_future(write(f"w{number}")) for number in range(8)]
    for _ in range(3):
        async with asyncio.timeout(20):
            await acknowledged.grown_by(50)
        server.kill()
        await server.start()
    running = False
    await asyncio.gather(*writers)
    for name, version in acknowledged.versions.items():
        stored = await survivor.reader.read("Observation" if "-" in name else "Patient", name, EVERYTHING)
        assert stored is not None
        assert stored.version >= version
    assert [finding async for finding in survivor.verify()] == []
