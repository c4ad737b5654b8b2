"""The walk over all current documents of a type, a bounded batch at a time, to give them a new index.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo import UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Unavailable
from fhir_server.storage import translate
from fhir_server.storage.document import READING, WRITING, indexed_anew

BATCH, BATCH_BYTES = 200, 8_000_000
"""One batch is encoded in one go. While 40,000 patients were indexed anew, 99 of 100 reads of other clients came within
27 ms; with batches of 500 within 70 ms, without a job within 15 ms (two processes and mongod on two cores)."""

_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A current document; `json` is None where nothing is to be done: it follows the rules, or is deleted."""

    id: str
    version: int
    json: bytes | None


@dataclass(frozen=True, slots=True)
class Indexed:
    """The new index of a document, valid as long as it has that version."""

    id: str
    version: int
    index: Mapping[str, Any]
    compartments: tuple[str, ...]


class Walk:
    """Reads documents in the order of their ids, and writes indexes."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._database = database.with_options(codec_options=READING)
        self._written = database.with_options(codec_options=WRITING)

    async def size(self, type_: str) -> int:
        """Return about how many documents there are, the deleted ones too."""
        with translate.errors(slow=Unavailable), pymongo.timeout(_PATIENCE_S):
            return await self._database[type_].estimated_document_count()

    async def batch(self, type_: str, after: str, generation: int) -> list[Stored]:
        """Return the documents that follow an id ("" for the first); empty at the end.

        Every batch looks at a bounded number of documents, also where none of them needs anything.
        """
        follows = {"$gte": [{"$ifNull": [f"${layout.GENERATION}", 0]}, generation]}
        fields = {layout.VERSION: True, layout.JSON: {"$cond": [follows, "$$REMOVE", f"${layout.JSON}"]}}
        found: list[Stored] = []
        size = 0
        with translate.errors(slow=Unavailable), pymongo.timeout(_PATIENCE_S):
            wanted = {layout.ID: {"$gt": after}}
            async with self._database[type_].find(wanted, fields, sort=[(layout.ID, 1)], limit=BATCH) as cursor:
                async for document in cursor:
                    json = document.get(layout.JSON)
                    found.append(Stored(document[layout.ID], document[layout.VERSION], json))
                    size += len(json or b"")
                    if size > BATCH_BYTES:
                        break
        return found

    async def store(self, type_: str, indexes: Sequence[Indexed], generation: int) -> None:
        """Store new indexes; a document that was written in the meantime has followed newer rules by itself."""
        if not indexes:
            return
        updates = [
            UpdateOne(
                {layout.ID: one.id, layout.VERSION: one.version},
                {"$set": indexed_anew(one.index, one.compartments, generation)},
            )
            for one in indexes
        ]
        with translate.errors(slow=Unavailable), pymongo.timeout(_PATIENCE_S):
            await self._written[type_].bulk_write(updates, ordered=False)
