"""One database for the search tests of a worker, emptied before each test."""

from collections.abc import AsyncIterator

import pytest

from tests.search.world import World, empty, opened_world


@pytest.fixture(scope="session")
async def shared_world(mongo_uri: str, database_name: str) -> AsyncIterator[World]:
    async with opened_world(mongo_uri, f"{database_name}_world") as world:
        yield world


@pytest.fixture
async def world(shared_world: World) -> World:
    await empty(shared_world)
    return shared_world
