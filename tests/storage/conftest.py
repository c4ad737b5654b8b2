"""Storage over a database of this worker, empty at the beginning of each test."""

from collections.abc import AsyncIterator

import pytest

from fhir_server.kernel.layout import IndexSpec
from fhir_server.kernel.settings import Settings
from fhir_server.storage import Storage, open_storage

Batches = list[tuple[str, int]]


def index_specs(_type: str) -> tuple[IndexSpec, ...]:
    return (IndexSpec("by_id", (("index.id", 1),)),)


@pytest.fixture
def storage_settings(mongo_uri: str, database_name: str) -> Settings:
    return Settings(mongo=mongo_uri, database=f"{database_name}_storage")


@pytest.fixture
def batches() -> Batches:
    """What the storage observed: (kind of batch, how many it served)."""
    return []


@pytest.fixture
async def storage(storage_settings: Settings, batches: Batches) -> AsyncIterator[Storage]:
    def observe(kind: str, size: int) -> None:
        batches.append((kind, size))

    async with open_storage(storage_settings, index_specs, observe=observe) as opened:
        for name in await opened.database.list_collection_names():
            if name != "migrations":
                await opened.database[name].delete_many({})
        yield opened
