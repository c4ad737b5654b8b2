"""Hard deletion: superseded versions, or a deleted resource with all its versions, as if they had never been.

Which versions went of a resource that stays is remembered, so that a gap in its history can be told from a loss. No
search finds superseded versions and deleted resources, so no promise that a guard keeps depends on them.
Spec: https://hl7.org/fhir/R4/http.html#delete, https://www.mongodb.com/docs/manual/core/transactions/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import CollectionInvalid, OperationFailure

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Conflict
from fhir_server.kernel.query import Access
from fhir_server.storage import blobs, transaction, translate

Database: TypeAlias = AsyncDatabase[dict[str, Any]]
Stored: TypeAlias = Mapping[str, Any]

EXPUNGED = "expunged"
"""The collection that remembers: {_id: "Patient/1", versions: [1, 2]}."""

VERSIONS = "versions"

_NAMESPACE_EXISTS = 48

_OLDEST_FIRST = ((layout.HISTORY_ID, -1), (layout.VERSION, 1))


@dataclass(frozen=True, slots=True)
class Removal:
    """Versions of one resource to remove: superseded ones, and `deletion`, the current one if that is a deletion."""

    type: str
    id: str
    versions: tuple[int, ...]
    deletion: int | None = None


class Expunger:
    """Finds what may be removed, and removes it."""

    def __init__(self, database: Database, *, time_limit_s: float) -> None:
        self._database = database
        self._time_limit_s = time_limit_s

    async def superseded(self, type_: str, access: Access, *, id_: str | None = None, most: int) -> list[Removal]:
        """Return superseded versions of one resource or of all of a type: at most so many, of each the oldest ones."""
        wanted: Stored = {} if id_ is None else {layout.HISTORY_ID: id_}
        found = _by_id(await self._superseded(type_, {**wanted, **access.filter}, most))
        return [Removal(type_, one, tuple(versions)) for one, versions in found.items()]

    async def deleted(self, type_: str, access: Access, *, id_: str | None = None, most: int) -> list[Removal]:
        """Return deleted resources with all of their versions: at most so many versions.

        Of the last resource perhaps only the oldest ones: it goes itself when no others are left.
        """
        wanted: Stored = {layout.METHOD: "DELETE"} | ({} if id_ is None else {layout.ID: id_})
        current = await self._listed(type_, {**wanted, **access.filter}, ((layout.ID, -1),), most)
        ids = [one[layout.ID] for one in current]
        versions = _by_id(await self._superseded(type_, {layout.HISTORY_ID: {"$in": ids}}, most))
        return list(_within(most, type_, current, versions))

    async def remove(self, removal: Removal) -> int:
        """Remove versions for good, with their content; return how many there were.

        Errors: Conflict when the deletion is no longer current; Unavailable
        """
        await self._ready()
        count = 0

        async def work(session: AsyncClientSession) -> None:
            nonlocal count
            count = await self._remove_superseded(removal, session)
            if removal.deletion is None:
                await self._remember(removal, session)
            else:
                await self._remove_deletion(removal, session)
                count += 1

        await transaction.run(self._database.client, work, time_limit_s=self._time_limit_s)
        return count

    async def _superseded(self, type_: str, wanted: Stored, most: int) -> list[Stored]:
        return await self._listed(layout.history_collection(type_), wanted, _OLDEST_FIRST, most)

    async def _listed(
        self, collection: str, wanted: Stored, order: Sequence[tuple[str, int]], most: int
    ) -> list[Stored]:
        shown = {layout.HISTORY_ID: True, layout.VERSION: True}
        with translate.errors(), pymongo.timeout(self._time_limit_s):
            found = self._database[collection].find(wanted, shown, sort=list(order), limit=most)
            return list(await found.to_list(most))

    async def _remove_superseded(self, removal: Removal, session: AsyncClientSession) -> int:
        history = self._database[layout.history_collection(removal.type)]
        wanted = {layout.ID: {"$in": [layout.history_id(removal.id, number) for number in removal.versions]}}
        contents = history.find({**wanted, layout.BLOB: {"$exists": True}}, {layout.BLOB: True}, session=session)
        await blobs.remove(self._database, [one[layout.BLOB] async for one in contents], session)
        return (await history.delete_many(wanted, session=session)).deleted_count

    async def _remove_deletion(self, removal: Removal, session: AsyncClientSession) -> None:
        result = await self._database[removal.type].delete_one(
            {layout.ID: removal.id, layout.VERSION: removal.deletion, layout.METHOD: "DELETE"}, session=session
        )
        if not result.deleted_count:
            raise Conflict("the resource has changed since it was read")
        await self._database[EXPUNGED].delete_one({layout.ID: _reference(removal)}, session=session)

    async def _remember(self, removal: Removal, session: AsyncClientSession) -> None:
        await self._database[EXPUNGED].update_one(
            {layout.ID: _reference(removal)},
            {"$addToSet": {VERSIONS: {"$each": list(removal.versions)}}},
            upsert=True,
            session=session,
        )

    async def _ready(self) -> None:
        """Make the collection that remembers: a transaction must never have to make one."""
        with translate.errors():
            if EXPUNGED not in await self._database.list_collection_names(filter={"name": EXPUNGED}):
                try:
                    await self._database.create_collection(EXPUNGED)
                except (CollectionInvalid, OperationFailure) as error:
                    # Somebody else was faster: the driver, or later the server, says so.
                    if isinstance(error, OperationFailure) and error.code != _NAMESPACE_EXISTS:
                        raise


async def expunged(database: Database, type_: str, ids: Iterable[str]) -> dict[str, frozenset[int]]:
    """Return which versions of some resources were removed while the resource stayed, by id."""
    references = {f"{type_}/{id_}": id_ for id_ in ids}
    remembered = database[EXPUNGED].find({layout.ID: {"$in": list(references)}})
    return {references[one[layout.ID]]: frozenset(one[VERSIONS]) async for one in remembered}


def _by_id(listed: Iterable[Stored]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in listed:
        found.setdefault(one[layout.HISTORY_ID], []).append(one[layout.VERSION])
    return found


def _within(
    most: int, type_: str, current: Sequence[Stored], versions: Mapping[str, Sequence[int]]
) -> Iterator[Removal]:
    """Yield the removals that come to at most so many versions.

    The versions are cut at as many, so that a resource which is still affordable here has all of them listed.
    """
    for one in current:
        id_, superseded = one[layout.ID], versions.get(one[layout.ID], [])
        if len(superseded) >= most:
            if most:
                yield Removal(type_, id_, tuple(superseded[:most]))
            return
        yield Removal(type_, id_, tuple(superseded), one[layout.VERSION])
        most -= len(superseded) + 1


def _reference(removal: Removal) -> str:
    return f"{removal.type}/{removal.id}"
