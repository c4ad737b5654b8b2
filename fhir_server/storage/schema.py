"""Collections and indexes, made before the first write that needs them, and the numbered steps between releases.

A transaction must never have to make a collection: that would take locks which other transactions wait for.
Spec: https://www.mongodb.com/docs/manual/core/transactions/#operations-in-transactions
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.layout import IndexSpec
from fhir_server.storage import guards, translate
from fhir_server.storage.reindexing import jobs, rules

Database: TypeAlias = AsyncDatabase[dict[str, Any]]

IndexSpecs: TypeAlias = Callable[[str], Sequence[IndexSpec]]
"""Which indexes serve the searches of a type."""

_DELETED = {"partialFilterExpression": {layout.METHOD: "DELETE"}}
"""Only deletions are in such an index, so other writes pay nothing."""

_CURRENT = (
    IndexSpec("deleted", ((layout.METHOD, 1), (layout.ID, -1)), _DELETED),
    # History reads what is not deleted by the index that search has of _lastUpdated: see `storage.history`.
    IndexSpec("deletions", ((layout.METHOD, 1), (layout.UPDATED, -1), (layout.ID, 1)), _DELETED),
)
_HISTORY = (
    IndexSpec("updated", ((layout.UPDATED, -1), (layout.HISTORY_ID, 1), (layout.VERSION, -1))),
    IndexSpec("versions", ((layout.HISTORY_ID, 1), (layout.VERSION, -1))),
)
_DEFINED_OTHERWISE = frozenset({85, 86})
"""IndexOptionsConflict, IndexKeySpecsConflict: an index of that name, or with those keys, has another definition."""

_NO_SUCH_INDEX = 27

_TELLING = ("sparse", "partialFilterExpression")
"""The options that say which documents an index has."""


class Schema:
    """Knows which collections of this database are ready to be written."""

    def __init__(self, database: Database, specs: IndexSpecs) -> None:
        self._database = database
        self._specs = specs
        self._ready: set[str] = set()
        self._making = asyncio.Lock()

    async def ensure(self, types: Collection[str]) -> None:
        """Make the collections and indexes of these types unless this process knows that they are there."""
        if self._ready.issuperset(types):
            return
        async with self._making:
            missing = sorted(set(types) - self._ready)
            with translate.errors():
                # Side by side: most of the time of making one is waiting for the journal.
                await asyncio.gather(*(self._make(type_) for type_ in missing))
            await rules.set_noted_fences(self._database, missing)
            self._ready.update(missing)

    async def ensure_stored(self) -> None:
        """Make what a newer release needs for the types that already have resources."""
        await self.ensure(await self.stored_types())

    async def stored_types(self) -> list[str]:
        """Return the resource types that have collections, in alphabetical order."""
        with translate.errors():
            names = set(await self._database.list_collection_names())
        return sorted(name for name in names if layout.history_collection(name) in names)

    def wanted(self, type_: str) -> dict[str, tuple[IndexSpec, ...]]:
        """Return the indexes that each collection of a type must have, by the collection's name."""
        return {type_: (*_CURRENT, *self._specs(type_)), layout.history_collection(type_): _HISTORY}

    async def missing_indexes(self, type_: str) -> list[str]:
        """Return "collection.index" for each index that is not there, or has other keys or other documents."""
        missing: list[str] = []
        for name, specs in self.wanted(type_).items():
            found = await self._database[name].index_information()
            missing += [f"{name}.{spec.name}" for spec in specs if not _is_among(spec, found)]
        return missing

    async def _make(self, type_: str) -> None:
        await asyncio.gather(
            *(_make_indexes(self._database[name], specs) for name, specs in self.wanted(type_).items())
        )


async def _make_indexes(collection: AsyncCollection[dict[str, Any]], specs: Sequence[IndexSpec]) -> None:
    try:
        await collection.create_indexes([_model(spec) for spec in specs])
    except OperationFailure as error:
        if error.code not in _DEFINED_OTHERWISE:
            raise
        for spec in specs:
            await _replace_index(collection, spec)


async def _replace_index(collection: AsyncCollection[dict[str, Any]], spec: IndexSpec) -> None:
    """Make one index; what stands in its way (same name or same keys, other definition) is dropped first."""
    try:
        await collection.create_indexes([_model(spec)])
    except OperationFailure as error:
        if error.code not in _DEFINED_OTHERWISE:
            raise
        for name, definition in (await collection.index_information()).items():
            if name == spec.name or tuple(definition["key"]) == spec.keys:
                await collection.drop_index(name)
        await collection.create_indexes([_model(spec)])


def _model(spec: IndexSpec) -> IndexModel:
    return IndexModel(list(spec.keys), name=spec.name, **spec.options)


def _is_among(spec: IndexSpec, found: Mapping[str, Any]) -> bool:
    there = found.get(spec.name)
    return (
        there is not None
        and tuple(there["key"]) == spec.keys
        and all(there.get(option) == spec.options.get(option) for option in _TELLING)
    )


@dataclass(frozen=True, slots=True)
class Migration:
    """One step to the form that this release needs, safe to run twice; the database remembers its number.

    Several processes may start at once: they run the same steps, and the first one's record stays.
    """

    number: int
    name: str
    apply: Callable[[Database], Awaitable[None]]


async def _guards_expire(database: Database) -> None:
    await database[layout.GUARDS].create_index(
        guards.TAKEN_AT, name="expiry", expireAfterSeconds=guards.EXPIRES_AFTER_S
    )


async def _one_index_of_instants(database: Database) -> None:
    """Drop the index that history had besides the one of _lastUpdated: every write paid for both."""
    names = set(await database.list_collection_names())
    for type_ in sorted(name for name in names if layout.history_collection(name) in names):
        try:
            await database[type_].drop_index("updated")
        except OperationFailure as error:
            if error.code != _NO_SUCH_INDEX:  # another process may be at it
                raise


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "guards expire", _guards_expire),
    Migration(2, "ended jobs expire", jobs.expire),
    Migration(3, "one index of instants", _one_index_of_instants),
)


async def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> list[int]:
    """Run the steps that the database does not remember, in order; return their numbers.

    Errors: Unavailable when the database was written by a newer release
    """
    with translate.errors():
        done = {record[layout.ID] async for record in database[layout.MIGRATIONS].find({}, {layout.ID: True})}
        if newer := done - {migration.number for migration in migrations}:
            raise Unavailable(
                f"the database was written by a newer release of this server (migration {max(newer)}): upgrade first"
            )
        due = [migration for migration in migrations if migration.number not in done]
        for migration in due:
            await migration.apply(database)
            await _remember(database, migration)
    return [migration.number for migration in due]


async def _remember(database: Database, migration: Migration) -> None:
    await database[layout.MIGRATIONS].update_one(
        {layout.ID: migration.number},
        {"$setOnInsert": {"name": migration.name}, "$currentDate": {"at": True}},
        upsert=True,
    )
