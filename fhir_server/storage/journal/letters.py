"""The journal's collection: concurrent messages share one insert and one update, as concurrent writes of resources do.

A document: {_id, state, sender, control_id, type, digest, raw, received, ack, code, place, text, edited, expires}
Spec: https://www.mongodb.com/docs/manual/core/index-ttl/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pymongo
from pymongo import IndexModel, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from fhir_server.kernel.errors import Unavailable
from fhir_server.storage import translate
from fhir_server.storage.coalesce import Coalescer, Limits

Document: TypeAlias = dict[str, Any]

COLLECTION = "hl7_letters"
_TIME_LIMIT_S = translate.PATIENCE_S


@dataclass(frozen=True, slots=True)
class _Change:
    """New values of one letter."""

    id: str
    values: Mapping[str, Any]


class Letters:
    """Keeps letters; every promise is durable on a majority before it returns."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._collection: AsyncCollection[Document] = database[COLLECTION]
        self._inserts: Coalescer[Document, bool] = Coalescer(self._insert, Limits())
        self._changes: Coalescer[_Change, None] = Coalescer(self._apply, Limits())

    async def prepare(self) -> None:
        """Make the indexes."""
        models = [
            # Few letters are dead: the others cost this index nothing.
            IndexModel([("received", 1)], name="waiting", partialFilterExpression={"state": "dead"}),
            IndexModel([("expires", 1)], name="expiry", expireAfterSeconds=0),
        ]
        with translate.errors(slow=Unavailable):
            await self._collection.create_indexes(models)

    async def insert(self, letter: Document) -> bool:
        """Keep a new letter; return False when there is one under its id.

        Errors: Unavailable
        """
        return await self._inserts.ask(letter, keys=frozenset([letter["_id"]]), size=len(letter["raw"]))

    async def change(self, id_: str, values: Mapping[str, Any]) -> None:
        """Set fields of a letter."""
        await self._changes.ask(_Change(id_, values), keys=frozenset([id_]))

    async def edit(self, id_: str, values: Mapping[str, Any]) -> bool:
        """Set fields of a dead letter; return False when there is none."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            result = await self._collection.update_one({"_id": id_, "state": "dead"}, {"$set": dict(values)})
        return result.matched_count > 0

    async def get(self, id_: str) -> Document | None:
        """Return a letter, None when there is none."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            return await self._collection.find_one({"_id": id_})

    async def dead(self, *, sender: str | None, limit: int) -> list[Document]:
        """Return dead letters, the oldest first."""
        condition = {"state": "dead"} if sender is None else {"state": "dead", "sender": sender}
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            return await self._collection.find(condition).sort("received", 1).limit(limit).to_list(limit)

    async def idle(self) -> None:
        """Return when nothing is on its way."""
        await self._inserts.idle()
        await self._changes.idle()

    async def _insert(self, letters: Sequence[Document]) -> Sequence[bool | Exception]:
        try:
            with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
                try:
                    await self._collection.insert_many(letters, ordered=False)
                except BulkWriteError as error:
                    return _inserted(error, len(letters))
        except Unavailable as error:
            return [error] * len(letters)
        return [True] * len(letters)

    async def _apply(self, changes: Sequence[_Change]) -> Sequence[None]:
        steps = [UpdateOne({"_id": one.id}, {"$set": dict(one.values)}) for one in changes]
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            await self._collection.bulk_write(steps, ordered=False)
        return [None] * len(changes)


def _inserted(error: BulkWriteError, count: int) -> list[bool | Exception]:
    """Return for each letter whether it is new; a duplicate key says that it is not."""
    details = error.details or {}
    failed = {one["index"]: one.get("code") for one in details.get("writeErrors", ())}
    if details.get("writeConcernErrors") or any(code != translate.DUPLICATE_KEY for code in failed.values()):
        return [translate.unavailable()] * count
    return [place not in failed for place in range(count)]
