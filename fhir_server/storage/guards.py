"""Uniqueness promises: documents that a commit compares and sets, so that two writers cannot both be the first.

A guard's stamp is a fresh random number at every commit, never a counter: guards expire after an hour, and a counter
that starts again could repeat the number that a slow writer has seen.
Spec: https://hl7.org/fhir/R4/http.html#ccreate
"""

import secrets
from collections.abc import Sequence
from typing import Any

from bson import Int64
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.types import Guard
from fhir_server.storage import translate

STAMP = "n"
TAKEN_AT = "at"
EXPIRES_AFTER_S = 3_600
ABSENT = 0
"""What `seen` says when nobody has taken the key; never a stamp."""


class Guards:
    """Reads guards; `writer.commit` compares and sets them."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._collection: AsyncCollection[dict[str, Any]] = database[layout.GUARDS]

    async def see(self, keys: Sequence[str]) -> tuple[Guard, ...]:
        """Return the guards as they are now: read them before the search whose result they promise."""
        if not keys:
            return ()
        with translate.errors(slow=Unavailable):
            cursor = self._collection.find({layout.ID: {"$in": list(keys)}}, {STAMP: True})
            seen = {document[layout.ID]: document[STAMP] async for document in cursor}
        return tuple(Guard(key, seen.get(key, ABSENT)) for key in keys)


def taking(guard: Guard) -> UpdateOne:
    """Return the update that takes a guard; a stamp that moved makes its upsert fail with a duplicate key."""
    return UpdateOne(
        {layout.ID: guard.key, STAMP: Int64(guard.seen)},
        {"$set": {STAMP: Int64(1 + secrets.randbits(62))}, "$currentDate": {TAKEN_AT: True}},
        upsert=True,
    )
