"""Runs the queries that `search` builds: pages by keyset, ids, counts, and the steps of chains.

Spec: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#paging
"""

import asyncio
from collections.abc import Mapping, Sequence
from heapq import merge
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.query import Access, Filter, Lookup, Page, Query
from fhir_server.kernel.types import Version
from fhir_server.storage import translate
from fhir_server.storage.document import READING, SERVED, version_of
from fhir_server.storage.order import Hit, Reading, as_found, place, reading

MOST_VALUES = 10_000
"""How many values one step of a chain may find: the next step asks for each of them."""


class Finder:
    """Finds current versions; every step, also those inside of chains, sees only what the access rule shows."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, time_limit_ms: int) -> None:
        self._database = database.with_options(codec_options=READING)
        self._time_limit_ms = time_limit_ms

    async def page(self, query: Query, access: Access) -> Page:
        """Return one page of hits, and the positions from which its neighbours are read.

        Errors: TooCostly when a step takes too long or finds too much
        """
        start = query.position
        backwards = start is not None and start.backwards
        hits = await self._hits(query, access, query.count + 1)
        more = len(hits) > query.count
        hits = hits[: query.count]
        if backwards:
            hits.reverse()
        if not hits:
            return Page(())
        return Page(
            tuple(hit.version for hit in hits),
            next=place(hits[-1]) if more or backwards else None,
            previous=place(hits[0], backwards=True) if (more if backwards else start is not None) else None,
        )

    async def first(self, query: Query, access: Access, *, limit: int) -> list[Version]:
        """Return the first hits of a query."""
        return [hit.version for hit in await self._hits(query, access, limit)]

    async def ids(self, query: Query, access: Access, *, limit: int) -> list[str]:
        """Return the ids of hits of a query on one type, in no certain order."""
        ((type_, filter_),) = query.legs
        wanted = await self._visible(filter_, access)
        with translate.errors():
            cursor = self._database[type_].find(wanted, {layout.ID: True}, limit=limit, max_time_ms=self._time_limit_ms)
            return [document[layout.ID] for document in await cursor.to_list(limit)]

    async def count(self, query: Query, access: Access, *, cap: int | None = None) -> int:
        """Return how many hits a query has; counting stops at `cap`."""
        return sum(await asyncio.gather(*(self._count(leg, access, cap) for leg in query.legs)))

    async def _count(self, leg: tuple[str, Filter], access: Access, cap: int | None) -> int:
        type_, filter_ = leg
        wanted = await self._visible(filter_, access)
        options: dict[str, Any] = {"maxTimeMS": self._time_limit_ms} | ({} if cap is None else {"limit": cap})
        with translate.errors():
            return await self._database[type_].count_documents(wanted, **options)

    async def _hits(self, query: Query, access: Access, limit: int) -> list[Hit]:
        legs = [self._leg(type_, filter_, query, access, limit) for type_, filter_ in query.legs]
        if len(legs) == 1:
            return await legs[0]
        backwards = query.position is not None and query.position.backwards
        found = await asyncio.gather(*legs)
        return list(merge(*found, key=as_found(query, backwards)))[:limit]

    async def _leg(self, type_: str, filter_: Filter, query: Query, access: Access, limit: int) -> list[Hit]:
        """Return the hits of one type: from documents that have the sort value, then from those without."""
        wanted = await self._visible(filter_, access)
        hits: list[Hit] = []
        for step in reading(type_, query):
            documents = await self._documents(self._database[type_], wanted, step, limit - len(hits))
            hits += [
                Hit(version_of(type_, document[layout.ID], document), step.values(document)) for document in documents
            ]
            if len(hits) >= limit:
                break
        return hits

    async def _documents(
        self, collection: AsyncCollection[dict[str, Any]], wanted: Filter, step: Reading, limit: int
    ) -> list[dict[str, Any]]:
        projection = {**SERVED, **dict.fromkeys(step.projected, True)}
        filters = [part for part in (wanted, step.filter) if part]
        criteria = {"$and": filters} if len(filters) > 1 else filters[0] if filters else {}
        with translate.errors():
            if step.computed:
                pipeline = [{"$match": criteria}, *step.computed, {"$limit": limit}, {"$project": projection}]
                cursor = await collection.aggregate(pipeline, maxTimeMS=self._time_limit_ms)
                return await cursor.to_list(limit)
            found = collection.find(criteria, projection, sort=step.sort, limit=limit, max_time_ms=self._time_limit_ms)
            return await found.to_list(limit)

    async def _visible(self, filter_: Filter, access: Access) -> dict[str, Any]:
        """Return the filter with its lookups done and the access rule joined to it."""
        resolved: dict[str, Any] = await self._resolved(filter_, access)
        return {"$and": [resolved, access.filter]} if access.filter else resolved

    async def _resolved(self, part: Any, access: Access) -> Any:
        match part:
            case Lookup():
                return {"$in": await self._looked_up(part, access)}
            case Mapping():
                return {name: await self._resolved(value, access) for name, value in part.items()}
            case list() | tuple() if any(isinstance(one, Mapping) for one in part):
                return [await self._resolved(one, access) for one in part]
        return part

    async def _looked_up(self, lookup: Lookup, access: Access) -> list[str]:
        wanted = await self._visible(lookup.filter, access)
        found = await self._values(lookup, wanted)
        if len(found) > MOST_VALUES:
            raise TooCostly(f"a step of the chain finds more than {MOST_VALUES} of {lookup.type}; narrow it down")
        stripped = (value[len(start) :] for value in found for start in lookup.starts if value.startswith(start))
        return [prefix + value for value in dict.fromkeys(stripped) for prefix in lookup.prefixes]

    async def _values(self, lookup: Lookup, wanted: Mapping[str, Any]) -> Sequence[str]:
        collection, limit = self._database[lookup.type], MOST_VALUES + 1
        with translate.errors():
            if lookup.field == layout.ID:
                found = collection.find(wanted, {layout.ID: True}, limit=limit, max_time_ms=self._time_limit_ms)
                return [document[layout.ID] for document in await found.to_list(limit)]
            pipeline: list[dict[str, Any]] = [
                {"$match": wanted},
                {"$project": {layout.ID: False, "value": f"${lookup.field}"}},
                {"$unwind": "$value"},
                {"$group": {layout.ID: "$value"}},
                {"$limit": limit},
            ]
            cursor = await collection.aggregate(pipeline, maxTimeMS=self._time_limit_ms)
            return [document[layout.ID] for document in await cursor.to_list(limit)]
