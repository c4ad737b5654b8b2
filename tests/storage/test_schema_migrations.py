"""Numbered steps run once, in order, and safely side by side."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.settings import Settings
from fhir_server.storage import Storage, open_storage
from fhir_server.storage.schema import MIGRATIONS, Database, Migration, migrate
from tests.storage.conftest import index_specs


@pytest.fixture
async def database(storage: Storage) -> AsyncIterator[Database]:
    """A database of its own that no migration has seen."""
    fresh = storage.database.client[f"{storage.database.name}_migrations"]
    await storage.database.client.drop_database(fresh)
    yield fresh
    await storage.database.client.drop_database(fresh)


def step(number: int, log: list[int]) -> Migration:
    async def apply(_database: Database) -> None:
        log.append(number)

    return Migration(number, f"step {number}", apply)


async def test_each_step_runs_once_and_in_order(database: Database) -> None:
    log: list[int] = []
    assert await migrate(database, (step(1, log), step(2, log))) == [1, 2]
    assert await migrate(database, (step(1, log), step(2, log), step(3, log))) == [3]
    assert log == [1, 2, 3]


async def test_processes_that_start_together_leave_one_record_of_each_step(database: Database) -> None:
    await asyncio.gather(*(migrate(database) for _ in range(8)))
    assert await database["migrations"].count_documents({}) == len(MIGRATIONS)


async def test_a_step_that_fails_is_tried_again_at_the_next_start(database: Database) -> None:
    async def fail(_database: Database) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await migrate(database, (Migration(1, "fails", fail),))
    log: list[int] = []
    assert await migrate(database, (step(1, log),)) == [1]


async def test_a_database_of_a_newer_release_is_refused(storage: Storage, storage_settings: Settings) -> None:
    await storage.database["migrations"].insert_one({"_id": 9_999})
    try:
        with pytest.raises(Unavailable, match="newer release"):
            async with open_storage(storage_settings, index_specs):
                pass
    finally:
        await storage.database["migrations"].delete_one({"_id": 9_999})


async def test_the_index_that_history_had_for_itself_is_dropped_where_it_was(database: Database) -> None:
    for name in ("Patient", "Patient_history", "Flag", "Flag_history", "other"):
        await database[name].create_index(
            "a" if name == "Flag" else "updated", name="a" if name == "Flag" else "updated"
        )
    await asyncio.gather(*(migrate(database) for _ in range(8)))
    left = {
        name: {*await database[name].index_information()} - {"_id_"} for name in ("Patient", "Patient_history", "Flag")
    }
    assert left == {"Patient": set(), "Patient_history": {"updated"}, "Flag": {"a"}}
    assert "updated" in await database["other"].index_information()


def test_numbers_are_gapless() -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
