"""Reads by id: concurrent reads of one type share one find, and each caller's access rule decides in process.

Spec: https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Unavailable
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Version
from fhir_server.storage import translate
from fhir_server.storage.coalesce import Coalescer, Limits
from fhir_server.storage.document import READING, SERVED, version_of

Observe = Callable[[str, int], None]
"""Is told what kind of batch left and how many requests it served."""

_AT_ONCE = 1_000
"""Ids of one find in `read_many`."""

_TYPES_AT_ONCE = 8
"""Finds of `read_many` that run side by side: others want connections too."""

_SHARED = 32
"""References up to which `read_many` joins the batches of `read`: so small transactions share finds with each other."""


class Reader:
    """Hands out stored versions by their address."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, time_limit_s: float, observe: Observe) -> None:
        self._database = database.with_options(codec_options=READING)
        self._time_limit_s = min(time_limit_s, translate.PATIENCE_S)
        self._observe = observe
        self._batches: dict[str, Coalescer[str, Version | None]] = {}

    async def read(self, type_: str, id_: str, access: Access) -> Version | None:
        """Return the current version, also of a deleted resource; None when there is none or it may not be seen."""
        batches = self._batches.get(type_) or self._batches_of(type_)
        return _visible(await batches.ask(id_), access)

    async def read_many(self, references: Sequence[tuple[str, str]], access: Access) -> dict[tuple[str, str], Version]:
        """Return the current versions that exist and may be seen, by (type, id)."""
        if len(references) <= _SHARED:
            one_by_one = list(dict.fromkeys(references))
            read = await asyncio.gather(*(self.read(type_, id_, access) for type_, id_ in one_by_one))
            return {key: version for key, version in zip(one_by_one, read, strict=True) if version is not None}
        ids_of: dict[str, dict[str, None]] = {}
        for type_, id_ in references:
            ids_of.setdefault(type_, {})[id_] = None
        places = asyncio.Semaphore(_TYPES_AT_ONCE)

        async def some(type_: str, ids: list[str]) -> dict[tuple[str, str], Version]:
            async with places:
                versions = await self._find(type_, ids)
            return {(type_, id_): one for id_, one in versions.items() if _visible(one, access)}

        finds = [some(type_, ids) for type_, all_ in ids_of.items() for ids in _chunks(list(all_))]
        return {key: one for found in await asyncio.gather(*finds) for key, one in found.items()}

    async def read_version(self, type_: str, id_: str, version: int, access: Access) -> Version | None:
        """Return one version, current or superseded; None when there is none or it may not be seen."""
        current = await self.read(type_, id_, access)
        if current is None or current.version <= version:
            return current if current is not None and current.version == version else None
        with translate.errors(slow=Unavailable), pymongo.timeout(self._time_limit_s):
            document = await self._database[layout.history_collection(type_)].find_one(
                {layout.ID: layout.history_id(id_, version)}, SERVED
            )
        return None if document is None else _visible(version_of(type_, id_, document), access)

    async def idle(self) -> None:
        """Return when no read is on its way."""
        for batches in self._batches.values():
            await batches.idle()

    def _batches_of(self, type_: str) -> Coalescer[str, Version | None]:
        async def run(ids: Sequence[str]) -> Sequence[Version | None]:
            self._observe("read", len(ids))
            found = await self._find(type_, list(dict.fromkeys(ids)))
            return [found.get(id_) for id_ in ids]

        self._batches[type_] = batches = Coalescer(run, Limits(items=200, parallel=2, waits=True))
        return batches

    async def _find(self, type_: str, ids: list[str]) -> dict[str, Version]:
        criterion: Any = ids[0] if len(ids) == 1 else {"$in": ids}
        with translate.errors(slow=Unavailable), pymongo.timeout(self._time_limit_s):
            # One batch, and the cursor is closed by the server: one round trip.
            cursor = self._database[type_].find({layout.ID: criterion}, SERVED, limit=len(ids))
            documents = await cursor.to_list(len(ids))
        return {document[layout.ID]: version_of(type_, document[layout.ID], document) for document in documents}


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _visible(version: Version | None, access: Access) -> Version | None:
    return version if version is not None and access.allows(version.compartments, version.security) else None
