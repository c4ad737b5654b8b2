"""The journal's collection: concurrent messages share one insert and one update, as concurrent writes of resources do.

What is kept of a message on its way waits for no disk: the commit of its resources, which comes later, makes all that
stands before it durable as well. A letter that is lost with its server had no acknowledgement, or has its resources,
by which a repetition is known. Only a dead letter, of which nothing else is stored, is durable by itself.
A document: {_id, state, sender, control_id, type, digest, raw, received, taken, ack, code, place, text, edited,
expires}
Spec: https://www.mongodb.com/docs/manual/core/index-ttl/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import pymongo
from pymongo import IndexModel, UpdateOne, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from fhir_server.kernel.errors import Unavailable
from fhir_server.storage import translate
from fhir_server.storage.coalesce import Coalescer, Limits

Document: TypeAlias = dict[str, Any]

COLLECTION = "hl7_letters"
_TIME_LIMIT_S = translate.PATIENCE_S
_ON_ITS_WAY = WriteConcern(w=1, j=False)


@dataclass(frozen=True, slots=True)
class _Change:
    """New values of one letter; `durable` tells whether to wait for the disks of a majority."""

    id: str
    values: Mapping[str, Any]
    durable: bool


class Letters:
    """Keeps letters."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._collection: AsyncCollection[Document] = database[COLLECTION]
        self._passing = self._collection.with_options(write_concern=_ON_ITS_WAY)
        self._inserts: Coalescer[Document, bool] = Coalescer(self._insert, Limits(worth=8))
        # Hardly anybody waits for these, so they may wait for each other.
        self._changes: Coalescer[_Change, None] = Coalescer(self._apply, Limits(worth=16))

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

    async def change(self, id_: str, values: Mapping[str, Any], *, durable: bool) -> None:
        """Set fields of a letter; `durable`: they, and the letter, are on the disks of a majority before the return.

        Errors: Unavailable
        """
        await self._changes.ask(_Change(id_, values, durable), keys=frozenset([id_]))

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

    async def take_left(self, before: datetime, now: datetime) -> Document | None:
        """Return a letter that came before a moment, is in state "received", and was not returned since that moment."""
        # What is done has an end: among those that have none, an index shows, are only the dead ones besides.
        left = {"expires": None, "state": "received", "received": {"$lt": before}, "taken": {"$not": {"$gte": before}}}
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            return await self._collection.find_one_and_update(left, {"$set": {"taken": now}})

    async def idle(self) -> None:
        """Return when nothing is on its way."""
        await self._inserts.idle()
        await self._changes.idle()

    async def _insert(self, letters: Sequence[Document]) -> Sequence[bool | Exception]:
        try:
            with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
                try:
                    await self._passing.insert_many(letters, ordered=False)
                except BulkWriteError as error:
                    return _inserted(error, len(letters))
        except Unavailable as error:
            return [error] * len(letters)
        return [True] * len(letters)

    async def _apply(self, changes: Sequence[_Change]) -> Sequence[None]:
        steps = [UpdateOne({"_id": one.id}, {"$set": dict(one.values)}) for one in changes]
        collection = self._collection if any(one.durable for one in changes) else self._passing
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            await collection.bulk_write(steps, ordered=False)
        return [None] * len(changes)


def _inserted(error: BulkWriteError, count: int) -> list[bool | Exception]:
    """Return for each letter whether it is new; a duplicate key says that it is not."""
    details = error.details or {}
    failed = {one["index"]: one.get("code") for one in details.get("writeErrors", ())}
    if details.get("writeConcernErrors") or any(code != translate.DUPLICATE_KEY for code in failed.values()):
        return [translate.unavailable()] * count
    return [place not in failed for place in range(count)]
