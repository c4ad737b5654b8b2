"""Content that is too large to stand in a document: GridFS, addressed by a key that the document keeps.

Spec: https://hl7.org/fhir/R4/binary.html, https://www.mongodb.com/docs/manual/core/gridfs/
"""

from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from gridfs import AsyncGridFSBucket
from gridfs.errors import NoFile
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import NotFound, Unavailable
from fhir_server.storage import translate


class Blobs:
    """Stores and returns byte strings of any size."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._bucket = AsyncGridFSBucket(database, layout.BLOBS)

    async def put(self, content: bytes) -> str:
        """Return the key under which the content is now stored."""
        with translate.errors(slow=Unavailable):
            return str(await self._bucket.upload_from_stream("", content))

    async def get(self, key: str) -> bytes:
        """Return the content; raise NotFound when no such key is stored."""
        with translate.errors(slow=Unavailable):
            try:
                stream = await self._bucket.open_download_stream(ObjectId(key))
                return await stream.read()
            except (NoFile, InvalidId):
                raise NotFound("the content of this resource is not stored") from None

    async def delete(self, key: str) -> None:
        """Remove the content; it is no error when it is already gone."""
        with translate.errors(slow=Unavailable):
            try:
                await self._bucket.delete(ObjectId(key))
            except (NoFile, InvalidId):
                return

    async def has(self, key: str) -> bool:
        """Tell whether content is stored under a key."""
        if not ObjectId.is_valid(key):
            return False
        with translate.errors(slow=Unavailable):
            async for _ in self._bucket.find({layout.ID: ObjectId(key)}, limit=1):
                return True
        return False


async def remove(database: AsyncDatabase[dict[str, Any]], keys: Sequence[str], session: AsyncClientSession) -> None:
    """Remove contents together with whatever else the transaction of the session does.

    GridFS itself knows no transactions, but its two collections are collections like others.
    """
    if keys:
        ids = {"$in": [ObjectId(key) for key in keys]}
        await database[f"{layout.BLOBS}.files"].delete_many({layout.ID: ids}, session=session)
        await database[f"{layout.BLOBS}.chunks"].delete_many({"files_id": ids}, session=session)
