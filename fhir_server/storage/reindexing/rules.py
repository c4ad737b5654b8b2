"""The one document that says which rules of indexing are in force and how far the stored resources follow them.

A fence is a condition that MongoDB itself keeps on a collection: no current document may be written whose index follows
older rules. It needs no clocks: a process that missed an alteration is refused, reads the new rules and tries again.
Spec: https://hl7.org/fhir/R4/searchparameter.html, https://www.mongodb.com/docs/manual/core/schema-validation/
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import pymongo
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from fhir_server.kernel import layout
from fhir_server.kernel.errors import FhirError, Outdated, Unavailable
from fhir_server.kernel.types import Alteration, RulesState
from fhir_server.storage import translate

_ID = {layout.ID: "search"}
_GENERATION, _TOUCHED, _INDEXED, _FENCES = "generation", "touched", "indexed", "fences"
_NEW: Mapping[str, Any] = {_GENERATION: 0, _TOUCHED: {}, _INDEXED: []}
_BUSY = frozenset({24, 50, 112, 117})
"""LockTimeout, MaxTimeMSExpired, WriteConflict, ConflictingOperationInProgress."""

_NOT_ALLOWED = 13
_LOCK_MS, _PAUSE_S = 200, 0.1
"""How long writers of a collection may have to wait for a fence to be set; between attempts they go on."""

Waiting: TypeAlias = Callable[[], Awaitable[None]]
"""Is called again and again as long as a fence has to wait; may raise to give up."""


class Rules:
    """Reads and moves the state of the rules; `known` is the newest generation that this process has made itself."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._database = database
        self._collection = database[layout.RULES]
        self.known = 0

    async def state(self) -> RulesState:
        """Return the state as it is now."""
        with translate.errors(slow=Unavailable), pymongo.timeout(translate.PATIENCE_S):
            document = await self._collection.find_one(_ID)
            if document is None:  # R4's own parameters, with which everything is indexed
                await self._collection.update_one(_ID, {"$setOnInsert": _NEW}, upsert=True)
        return _state(document or _NEW)

    async def alter(self, alterations: Iterable[Alteration], session: AsyncClientSession) -> int:
        """Note alterations inside of the transaction that stores their SearchParameters; return the new generation.

        Errors: Outdated when one follows rules that are no longer in force
        """
        generation = 0
        for one in alterations:
            generation = one.generation + 1
            update = {
                "$set": {_GENERATION: generation, **{f"{_TOUCHED}.{type_}": generation for type_ in one.types}},
                "$pullAll": {_INDEXED: sorted(one.dropped)},
            }
            wanted = {**_ID, _GENERATION: one.generation}
            if not (await self._collection.update_one(wanted, update, session=session)).matched_count:
                raise Outdated("the search parameters were altered at the same moment")
        return generation

    async def touch(self, types: Collection[str]) -> None:
        """Demand that all resources of some types are indexed anew, whatever they are indexed with."""
        while True:
            now = (await self.state()).generation
            update = {"$set": {_GENERATION: now + 1, **{f"{_TOUCHED}.{type_}": now + 1 for type_ in types}}}
            with translate.errors(slow=Unavailable):
                if (await self._collection.update_one({**_ID, _GENERATION: now}, update)).matched_count:
                    return

    async def fence(self, types: Collection[str], generation: int, waiting: Waiting) -> list[str]:
        """Let nobody write these types by rules older than a generation; return those that have collections.

        What is noted first holds for collections that others are about to make: see `set_noted_fences`.
        """
        with translate.errors(slow=Unavailable):
            noted = {f"{_FENCES}.{type_}": generation for type_ in types}
            await self._collection.update_one(_ID, {"$max": noted, "$setOnInsert": _NEW}, upsert=True)
        return await set_noted_fences(self._database, types, waiting)

    async def finish(self, names: Mapping[str, Sequence[str]], generation: int) -> None:
        """Note that all resources of some types follow a generation; those that were touched again are left out.

        Shape: `names` are, by type, what its resources are now indexed with
        """
        while True:
            with translate.errors(slow=Unavailable):
                document = await self._collection.find_one(_ID) or _NEW
                state = _state(document)
                done = {type_ for type_ in names if state.touched.get(type_, 0) <= generation}
                indexed = {name for name in state.indexed if name.partition(".")[0] not in done}
                indexed.update(name for type_ in done for name in names[type_])
                update: dict[str, Any] = {"$set": {_INDEXED: sorted(indexed)}}
                if touched := {f"{_TOUCHED}.{type_}": "" for type_ in done}:
                    update["$unset"] = touched
                wanted = {**_ID, _GENERATION: state.generation, _INDEXED: document[_INDEXED]}
                if (await self._collection.update_one(wanted, update)).matched_count:
                    return


async def set_noted_fences(
    database: AsyncDatabase[dict[str, Any]], types: Collection[str], waiting: Waiting | None = None
) -> list[str]:
    """Give collections, also those that were just made, the fences that are noted; return the types that have both."""
    with translate.errors(slow=Unavailable):
        document = await database[layout.RULES].find_one(_ID, {_FENCES: True})
    fences: Mapping[str, int] = (document or {}).get(_FENCES, {})
    return await _set_fences(database, {type_: fences[type_] for type_ in types if type_ in fences}, waiting)


async def _set_fences(
    database: AsyncDatabase[dict[str, Any]], generations: Mapping[str, int], waiting: Waiting | None
) -> list[str]:
    """Set the fences of some types where they are not set yet; return, in order, the types that have collections."""
    if not generations:
        return []
    with translate.errors(slow=Unavailable):
        cursor = await database.list_collections(filter={"name": {"$in": sorted(generations)}})
        found = {one["name"]: one.get("options", {}).get("validator") async for one in cursor}
    for type_ in sorted(found):
        if found[type_] != _follows(generations[type_]):
            await _set_fence(database, type_, generations[type_], waiting)
    return sorted(found)


async def _set_fence(
    database: AsyncDatabase[dict[str, Any]], type_: str, generation: int, waiting: Waiting | None
) -> None:
    condition = {"validator": _follows(generation), "validationLevel": "strict"}
    while True:
        try:
            # Without a limit, writers would queue behind a lock that itself waits for the longest transaction.
            await database.command({"collMod": type_, **condition, "maxTimeMS": _LOCK_MS})
        except OperationFailure as error:
            if error.code == _NOT_ALLOWED:
                raise FhirError("the MongoDB user may not run collMod: give it the role dbAdmin") from None
            if error.code not in _BUSY:
                raise translate.translated(error) from None
            if waiting is not None:
                await waiting()
            await asyncio.sleep(_PAUSE_S)
        except PyMongoError as error:
            raise translate.translated(error, slow=Unavailable) from None
        else:
            return


def _follows(generation: int) -> dict[str, Any]:
    """Return the condition that a document follows a generation; a deleted resource has nothing that could."""
    return {"$or": [{layout.GENERATION: {"$gte": generation}}, {layout.INDEX: {"$exists": False}}]}


def _state(document: Mapping[str, Any]) -> RulesState:
    return RulesState(document[_GENERATION], document[_TOUCHED], frozenset(document[_INDEXED]))
