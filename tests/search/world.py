"""A database of its own for tests of search: resources go in as the server stores them, ids come out."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from conformance.load import definitions
from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.query import EVERYTHING, Access
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import Change, Draft, Match, Resource, Version
from fhir_server.resources.indexing import Indexer
from fhir_server.search import Asked, Context, Request, Search
from fhir_server.storage import Storage, open_storage

BASE = "http://test/fhir"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY = b"a key for tests"


@dataclass(frozen=True, slots=True)
class World:
    """Stores resources and searches them."""

    storage: Storage
    search: Search
    indexer: Indexer

    async def store(self, resources: Iterable[Resource]) -> None:
        """Store resources that have ids."""
        await self.storage.writer.commit([Change(self.draft(resource)) for resource in resources])

    def draft(self, resource: Resource) -> Draft:
        """Return the first version of a resource, indexed."""
        stamped = {**resource, "meta": {"lastUpdated": "2026-01-01T00:00:00.000Z", **resource.get("meta", {})}}
        indexed = self.indexer.index(stamped)
        version = Version(
            stamped["resourceType"],
            stamped["id"],
            1,
            NOW,
            "POST",
            encode(stamped),
            indexed.compartments,
            indexed.security,
        )
        return Draft(version, stamped, indexed.index)

    def request(self, url: str, **asked: object) -> Request:
        """Return what "Patient?name=x" means; "?_type=…" is the system level."""
        path, _, query = url.partition("?")
        types = (path,) if path else tuple(sorted(definitions().resource_types))
        context = Context(now=NOW, base_url=BASE)
        options = {"types": types, "strict": True, **asked}
        return self.search.request(
            Asked(params=tuple(parse_qsl(query, keep_blank_values=True)), path=path, context=context, **options),  # type: ignore[arg-type]
            key=KEY,
        )

    async def ids(self, url: str, access: Access = EVERYTHING) -> list[str]:
        """Return the ids of the first page of hits, in order."""
        return [version.id for version in await self.page(url, access)]

    async def page(self, url: str, access: Access = EVERYTHING) -> Sequence[Match]:
        return (await self.storage.finder.page(self.request(url).query, access)).versions


@asynccontextmanager
async def opened_world(uri: str, database: str) -> AsyncIterator[World]:
    """Yield an empty world."""
    search = Search(definitions())
    settings = Settings(mongo=uri, database=database)
    async with open_storage(settings, search.indexes, observe=lambda _kind, _size: None) as storage:
        world = World(storage, search, Indexer(definitions()))
        await empty(world)
        yield world


async def empty(world: World) -> None:
    """Delete all resources, keep collections and indexes."""
    for name in await world.storage.database.list_collection_names():
        if name != "migrations":
            await world.storage.database[name].delete_many({})
