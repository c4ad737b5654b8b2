"""Opening: clear words when it cannot work, one storage when it can."""

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.query import EVERYTHING
from fhir_server.kernel.settings import Settings
from fhir_server.storage import Storage, open_storage
from fhir_server.storage.client import _warning
from fhir_server.storage.embedded import binary
from tests.storage.conftest import index_specs
from tests.storage.make import creation


async def why(settings: Settings) -> str:
    with pytest.raises(Unavailable) as raised:
        async with open_storage(settings, index_specs):
            pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def test_without_uri_it_says_what_to_give() -> None:
    assert "setting `mongo`" in await why(Settings())


@pytest.mark.parametrize("uri", ["nonsense", "mongodb://u:canary@", "mongodb://host:port/", "http://host"])
async def test_a_text_that_is_no_uri_is_refused_without_repeating_it(uri: str) -> None:
    message = await why(Settings(mongo=uri))
    assert "not a MongoDB URI" in message
    assert "canary" not in message


async def test_a_server_that_is_not_there_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.storage.client._SELECTION_MS", 100)
    assert "cannot be reached" in await why(Settings(mongo="mongodb://%2Fnowhere%2Fmongod.sock"))


async def test_wrong_credentials_are_named_as_such(mongo_uri: str) -> None:
    assert "credentials" in await why(Settings(mongo=mongo_uri.replace("mongodb://", "mongodb://user:canary@")))


def standalone(folder: Path) -> "subprocess.Popen[bytes]":
    options = ("--dbpath", ".", "--bind_ip", "./mongod.sock", "--nounixsocket", "--logpath", "log")
    return subprocess.Popen([binary.find(None), *options], cwd=folder, stdout=subprocess.DEVNULL)


async def test_a_mongod_without_replica_set_is_refused_with_what_to_do(tmp_path: Path) -> None:
    mongod = standalone(tmp_path)
    try:
        uri = f"mongodb://{quote(str(tmp_path / 'mongod.sock'), safe='')}"
        assert "--replSet" in await why(Settings(mongo=uri))
    finally:
        mongod.terminate()
        mongod.wait()


async def test_a_secret_is_the_same_for_everyone_and_differs_by_name(
    storage: Storage, storage_settings: Settings
) -> None:
    async with open_storage(storage_settings, index_specs) as other:
        found = await asyncio.gather(*(one.secret("cursors") for one in (storage, other) for _ in range(5)))
    assert len(set(found)) == 1
    assert len(found[0]) >= 32
    assert await storage.secret("other") != found[0]


async def test_a_private_mongod_needs_no_warning_but_an_old_one_of_others_does(
    storage: Storage, storage_settings: Settings
) -> None:
    assert storage.warning is None
    elsewhere = replace(storage_settings, mongo="mongodb://db.example.org/?replicaSet=rs0")
    assert "6.0.5" in (_warning((6, 0, 5), elsewhere) or "")
    assert _warning((7, 0, 28), elsewhere) is None


async def test_closing_lets_writes_in_flight_end(storage: Storage, storage_settings: Settings) -> None:
    async with open_storage(storage_settings, index_specs) as other:
        await other.schema.ensure(["Patient"])
        writes = [asyncio.ensure_future(other.writer.commit([creation(f"a{n}")])) for n in range(900)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*writes) == [None] * 900
    found = await storage.reader.read_many([("Patient", f"a{n}") for n in range(900)], EVERYTHING)
    assert len(found) == 900


async def test_the_number_of_open_connections_is_observed(storage_settings: Settings) -> None:
    changes: list[int] = []
    async with open_storage(storage_settings, index_specs, observe_pool=changes.append) as opened:
        await asyncio.gather(*(opened.ping() for _ in range(5)))
        assert sum(changes) >= 1
    assert sum(changes) == 0


async def test_only_storage_knows_the_driver() -> None:
    root = Path(__file__).parents[2] / "fhir_server"
    users = {path.relative_to(root).parts[0] for path in root.rglob("*.py") if "import pymongo" in path.read_text()}
    assert users <= {"storage"}
