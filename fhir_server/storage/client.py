"""The one connection to MongoDB of a process, and everything that works over it.

Spec: https://hl7.org/fhir/R4/http.html, https://www.mongodb.com/docs/manual/reference/write-concern/
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import pymongo
from pymongo import AsyncMongoClient, monitoring
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.settings import Settings
from fhir_server.storage import translate, verify
from fhir_server.storage.blobs import Blobs
from fhir_server.storage.find import Finder
from fhir_server.storage.guards import Guards
from fhir_server.storage.history import History
from fhir_server.storage.read import Observe, Reader
from fhir_server.storage.reindexing import Jobs, Rules, Walk
from fhir_server.storage.schema import IndexSpecs, Schema, migrate
from fhir_server.storage.transaction import Client
from fhir_server.storage.turns import Turns
from fhir_server.storage.write import Writer

OLDEST_SAFE = (7, 0, 28)
"""Older releases leak memory contents over compressed connections (CVE-2025-14847)."""

_SCHEMES = ("mongodb://", "mongodb+srv://")
_SELECTION_MS = 3_000
_PING_S = 2.0
_AUTHENTICATION = frozenset({13, 18})

ObservePool: TypeAlias = Callable[[int], None]
"""Is told of each connection to MongoDB that was opened (1) or closed (-1)."""


@dataclass(frozen=True, slots=True)
class Storage:
    """What the interactions may do with the database; `warning` is for the log at start."""

    database: AsyncDatabase[dict[str, Any]]
    schema: Schema
    reader: Reader
    writer: Writer
    guards: Guards
    turns: Turns
    history: History
    finder: Finder
    blobs: Blobs
    rules: Rules
    walk: Walk
    jobs: Jobs
    warning: str | None

    async def ping(self) -> None:
        """Return when a primary answers; raise Unavailable when none does."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_PING_S):
            await self.database.command("ping")

    async def secret(self, name: str) -> str:
        """Return a secret of this database: random, made by whoever asks first, the same for everyone ever after."""
        with translate.errors(slow=Unavailable):
            document = await self.database[layout.SECRETS].find_one_and_update(
                {layout.ID: name},
                {"$setOnInsert": {"value": secrets.token_urlsafe(32)}},
                upsert=True,
                return_document=pymongo.ReturnDocument.AFTER,
            )
        return str((document or {})["value"])

    def verify(self, *, native_copy: bool = False) -> AsyncIterator[verify.Finding]:
        """Yield everything in which the database contradicts itself."""
        return verify.run(self.database, self.schema, self.blobs, native_copy=native_copy)


@asynccontextmanager
async def open_storage(
    settings: Settings,
    index_specs: IndexSpecs,
    *,
    observe: Observe = lambda _kind, _size: None,
    observe_pool: ObservePool = lambda _difference: None,
    make_indexes: bool = True,
) -> AsyncIterator[Storage]:
    """Yield the storage over `settings.mongo`, migrated; on the way out requests in flight end first.

    `make_indexes` also makes what a newer release or somebody's hand left missing, which a mere check must not hide.

    Errors: Unavailable, in one line, when the URI, the server or the database cannot be used
    """
    client = await _connected(settings, observe_pool)
    try:
        database = client[settings.database]
        schema = Schema(database, index_specs)
        await migrate(database)
        if make_indexes:
            await schema.ensure_stored()
        storage = _storage(database, schema, settings, observe, _warning(await _version(client), settings))
        yield storage
        await storage.writer.idle()
        await storage.reader.idle()
    finally:
        await client.close()


def _storage(
    database: AsyncDatabase[dict[str, Any]], schema: Schema, settings: Settings, observe: Observe, warning: str | None
) -> Storage:
    limit_s, rules = settings.query_time_limit_ms / 1_000, Rules(database)
    return Storage(
        database=database,
        schema=schema,
        reader=Reader(database, time_limit_s=limit_s, observe=observe),
        writer=Writer(database, schema, rules, native_copy=settings.native_copy, time_limit_s=limit_s, observe=observe),
        guards=Guards(database),
        turns=Turns(),
        history=History(database, schema, time_limit_s=limit_s),
        finder=Finder(database, time_limit_ms=settings.query_time_limit_ms),
        blobs=Blobs(database),
        rules=rules,
        walk=Walk(database),
        jobs=Jobs(database),
        warning=warning,
    )


async def _connected(settings: Settings, observe_pool: ObservePool) -> Client:
    """Return a client that has met a replica set."""
    if settings.mongo is None:
        raise Unavailable("no MongoDB: give the URI of a replica set (setting `mongo`)")
    try:
        if not settings.mongo.startswith(_SCHEMES):  # the driver takes any text for a host
            raise ConfigurationError
        client: Client = AsyncMongoClient(
            settings.mongo,
            document_class=dict,
            tz_aware=True,
            appname="fhir-server",
            event_listeners=[_PoolListener(observe_pool)],
            w="majority",
            journal=True,
            maxPoolSize=settings.mongo_pool_size,
            serverSelectionTimeoutMS=_SELECTION_MS,
            connectTimeoutMS=_SELECTION_MS,
        )
    except (ConfigurationError, ValueError):
        # The driver's text may repeat the password.
        raise Unavailable("the setting `mongo` is not a MongoDB URI (mongodb://host:port/?replicaSet=name)") from None
    try:
        await _check_deployment(client)
    except BaseException:
        await client.close()
        raise
    return client


class _PoolListener(monitoring.ConnectionPoolListener):
    """Passes on the two of the driver's pool events that change the number of connections."""

    def __init__(self, observe: ObservePool) -> None:
        self._observe = observe

    def connection_created(self, event: monitoring.ConnectionCreatedEvent) -> None:  # noqa: ARG002
        self._observe(1)

    def connection_closed(self, event: monitoring.ConnectionClosedEvent) -> None:  # noqa: ARG002
        self._observe(-1)

    def _ignore(self, event: object) -> None:
        """The driver requires a method for every event."""

    pool_created = pool_ready = pool_cleared = pool_closed = _ignore
    connection_ready = connection_checked_in = connection_checked_out = _ignore
    connection_check_out_started = connection_check_out_failed = _ignore


async def _check_deployment(client: Client) -> None:
    try:
        hello = await client.admin.command("hello")
        await client.admin.command("listDatabases", nameOnly=True, filter={"name": "admin"})
    except OperationFailure as error:
        if error.code in _AUTHENTICATION:
            raise Unavailable("MongoDB refuses the credentials in the setting `mongo`") from None
        raise translate.translated(error) from None
    except PyMongoError:
        raise Unavailable("MongoDB cannot be reached: is it running, and is the setting `mongo` right?") from None
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise Unavailable("MongoDB runs alone: start mongod with --replSet and run rs.initiate(), transactions need it")


async def _version(client: Client) -> tuple[int, ...]:
    information = await client.server_info()
    return tuple(information["versionArray"][:3])


def _warning(version: tuple[int, ...], settings: Settings) -> str | None:
    """Return what to tell the operator; the private mongod on its own socket is nobody else's to reach."""
    if version >= OLDEST_SAFE or "mongod.sock" in (settings.mongo or ""):
        return None
    return f"MongoDB {'.'.join(map(str, version))} has known security holes: use 7.0.28 or later, or a current 8"
