"""Fixtures: the real application on a real MongoDB, one database for each worker of the test run."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from fhir_server.http.middleware import Edge
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import build_app
from tests.mongo import database_name, mongo_uri

__all__ = ["database_name", "mongo_uri"]

BASE = "http://test/fhir"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def settings(mongo_uri: str, database_name: str) -> Settings:
    return Settings(
        mongo=mongo_uri, database=database_name, log_level="error", max_bundle_entries=12_000, body_patience_s=1
    )


@pytest.fixture(scope="session")
async def app(settings: Settings) -> AsyncIterator[Edge]:
    """The application with its lifespan run, shared by all tests of one worker: tests use ids of their own."""
    app = build_app(settings)
    async with app.framework.router.lifespan_context(app.framework):
        yield app


@pytest.fixture
async def fhir(app: Edge) -> AsyncIterator[httpx2.AsyncClient]:
    """A client whose base URL is that of the FHIR API."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
        yield client
