"""Messages that wait to be sent: a queue for each partner, and how far the history was read for it, moved together.

A document: {_id: control id, partner, place, subject, queued, raw, state, attempts, reason, answer}
Spec: https://www.mongodb.com/docs/manual/core/transactions/
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import pymongo
from pymongo import IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from fhir_server.kernel.errors import FhirError, Unavailable
from fhir_server.storage import transaction, translate

Document: TypeAlias = dict[str, Any]

OUTGOING, CURSORS, LEASES = "hl7_outgoing", "hl7_cursors", "hl7_leases"
_TIME_LIMIT_S = translate.PATIENCE_S


class Outgoings:
    """The queues."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database

    async def prepare(self) -> None:
        """Make the collections and their indexes: a transaction must not have to."""
        turns = IndexModel([("partner", 1), ("state", 1), ("place", 1)], name="turns")
        with translate.errors(slow=Unavailable):
            await self._database[OUTGOING].create_indexes([turns])
            await self._database[CURSORS].create_indexes([IndexModel([("cursor", 1)], name="cursor")])

    async def put(self, partner: str, messages: Sequence[Document], cursor: str) -> None:
        """Add messages and note how far the history was read: both or nothing.

        Errors: Conflict when one of them is there already; Unavailable
        """

        async def work(session: AsyncClientSession) -> None:
            change = {"$set": {"cursor": cursor}, "$inc": {"count": len(messages)}}
            found = await self._database[CURSORS].find_one_and_update(
                {"_id": partner}, change, upsert=True, return_document=pymongo.ReturnDocument.AFTER, session=session
            )
            first = int((found or {})["count"]) - len(messages)
            if messages:
                placed = [{**one, "place": first + number} for number, one in enumerate(messages)]
                await self._database[OUTGOING].insert_many(placed, session=session)

        await transaction.run(self._database.client, work, time_limit_s=_TIME_LIMIT_S)

    async def known(self, control_ids: Collection[str]) -> frozenset[str]:
        """Return those of the messages that are there, in whatever state."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            found = await self._database[OUTGOING].distinct("_id", {"_id": {"$in": list(control_ids)}})
        return frozenset(found)

    async def cursor(self, partner: str) -> str | None:
        """Return how far the history was read for a partner, None when never."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            found = await self._database[CURSORS].find_one({"_id": partner})
        return None if found is None else str(found["cursor"])

    async def waiting(self, partner: str, state: str, limit: int) -> list[Document]:
        """Return the messages of a partner in a state, the oldest first."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            cursor = self._database[OUTGOING].find({"partner": partner, "state": state}).sort("place", 1)
            return await cursor.limit(limit).to_list(limit)

    async def partners(self) -> list[str]:
        """Return the names of all partners that there is a queue for."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            return sorted(await self._database[CURSORS].distinct("_id"))

    async def change(self, control_id: str, values: Mapping[str, Any], *, states: Collection[str] = ()) -> bool:
        """Set fields of a message (that is in one of some states); return whether there is one."""
        condition: Document = {"_id": control_id, **({"state": {"$in": list(states)}} if states else {})}
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            result = await self._database[OUTGOING].update_one(condition, {"$set": dict(values)})
        return result.matched_count > 0

    async def lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        """Take or keep a lease; return False while somebody else holds it."""
        free = {"_id": name, "$or": [{"holder": holder}, {"until": {"$lt": now}}]}
        try:
            with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
                try:
                    await self._database[LEASES].update_one(
                        free, {"$set": {"holder": holder, "until": until}}, upsert=True
                    )
                except DuplicateKeyError:
                    return False
        except FhirError:
            return False
        return True

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back; it is no error when somebody else has it."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_TIME_LIMIT_S):
            await self._database[LEASES].delete_one({"_id": name, "holder": holder})
