"""Finds current versions by a query: in order, page by page, and counted.

Spec: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#paging
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.query import Access, Filter, Page, Query
from fhir_server.kernel.types import Version
from fhir_server.storage import translate
from fhir_server.storage.document import READING, SERVED, version_of
from fhir_server.storage.find.explain import in_words
from fhir_server.storage.find.lookups import Lookups, Plan
from fhir_server.storage.find.order import Hit, Reading, as_found, place, reading
from fhir_server.storage.find.probe import joined

PATIENCE = 2_000
"""Candidates that are asked before their steps are done for all after all: so few pass that this may be cheaper."""

MOST_CANDIDATES = 100_000
"""Candidates that are asked when a step finds too much to be done for all."""

_FIRST_CANDIDATES, _MORE_CANDIDATES = 100, 500


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Documents of one type in the order of a search, each with the hit that it would be."""

    documents: list[dict[str, Any]]
    hits: list[Hit]


class Finder:
    """Finds current versions; every step, also those inside of chains, sees only what the access rule shows."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, time_limit_ms: int) -> None:
        self._database = database.with_options(codec_options=READING)
        self._time_limit_ms = time_limit_ms
        self._lookups = Lookups(self._database, time_limit_ms=time_limit_ms)

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

    async def count(self, query: Query, access: Access) -> int:
        """Return how many hits a query has."""
        return sum(await asyncio.gather(*(self._count(type_, filter_, access) for type_, filter_ in query.legs)))

    async def count_within(self, cap: int, query: Query, access: Access) -> int | None:
        """Return how many hits a query has, counted up to `cap`; None when to count costs more than to find them."""
        plans = [(type_, await self._lookups.plan(filter_, access)) for type_, filter_ in query.legs]
        if any(plan.probes for _, plan in plans):
            return None
        return sum(await asyncio.gather(*(self._counted(type_, plan.wanted, cap) for type_, plan in plans)))

    async def explain(self, query: Query, access: Access) -> list[str]:
        """Return how the database finds a page of each type, a line for each read."""
        lines: list[str] = []
        for type_, filter_ in query.legs:
            plan = await self._lookups.plan(filter_, access)
            for step in reading(type_, query):
                wanted = joined([part for part in (plan.wanted, step.filter) if part])
                command: dict[str, Any] = {
                    "find": type_,
                    "filter": wanted,
                    "sort": dict(step.sort),
                    "limit": query.count,
                }
                if step.computed:
                    command = {"aggregate": type_, "pipeline": [{"$match": wanted}, *step.computed], "cursor": {}}
                with translate.errors():
                    found = await self._database.command({"explain": command, "verbosity": "queryPlanner"})
                lines.append(in_words(type_, found, len(plan.probes)))
        return lines

    async def _count(self, type_: str, filter_: Filter, access: Access) -> int:
        plan = await self._lookups.plan(filter_, access)
        try:
            wanted = await self._lookups.completed(plan)
        except TooCostly:
            query = Query(legs=((type_, filter_),))
            found = 0
            async for hits, _ in self._passing(type_, plan, query):
                found += len(hits)
            return found
        return await self._counted(type_, wanted, None)

    async def _counted(self, type_: str, wanted: Filter, cap: int | None) -> int:
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
        """Return the hits of one type; steps that find much are put to the candidates while enough of those pass."""
        plan = await self._lookups.plan(filter_, access)
        if plan.probes:
            hits = await self._probed(type_, plan, query, limit, patience=max(PATIENCE, 2 * limit))
            if hits is not None:
                return hits
            try:
                plan = Plan(await self._lookups.completed(plan))
            except TooCostly:
                return await self._probed(type_, plan, query, limit, patience=None) or []
        return (await self._read(type_, plan, query, limit)).hits

    async def _probed(
        self, type_: str, plan: Plan, query: Query, limit: int, *, patience: int | None
    ) -> list[Hit] | None:
        """Return the hits among as many candidates as are needed, None when too few of the first `patience` pass."""
        found: list[Hit] = []
        async for hits, asked in self._passing(type_, plan, query):
            found += hits
            if len(found) >= limit:
                break
            if patience is not None and asked >= patience:
                return None
        return found[:limit]

    async def _passing(self, type_: str, plan: Plan, query: Query) -> AsyncIterator[tuple[Sequence[Hit], int]]:
        """Yield the hits among the candidates, batch by batch, each with how many candidates were asked so far.

        Errors: TooCostly when MOST_CANDIDATES were asked and there are more
        """
        asked, size = 0, _FIRST_CANDIDATES
        backwards = query.position is not None and query.position.backwards
        while asked < MOST_CANDIDATES:
            candidates = await self._read(type_, plan, query, size)
            passed = await self._lookups.passing(plan, candidates.documents)
            ids = {document[layout.ID] for document in passed}
            asked += len(candidates.hits)
            yield [hit for hit in candidates.hits if hit.version.id in ids], asked
            if len(candidates.hits) < size:
                return
            query = replace(query, position=place(candidates.hits[-1], backwards=backwards))
            size = _MORE_CANDIDATES
        raise TooCostly(
            f"a step of the chain finds too much, and few of {MOST_CANDIDATES} {type_} pass it; narrow it down"
        )

    async def _read(self, type_: str, plan: Plan, query: Query, limit: int) -> _Candidates:
        """Return the first documents of one type: those that have the sort value, then those without."""
        paths = [step.path for probe in plan.probes for step in probe.steps]
        found = _Candidates([], [])
        for step in reading(type_, query):
            wanted = joined([part for part in (plan.wanted, step.filter) if part])
            projection = {**SERVED, **dict.fromkeys((*step.projected, *paths), True)}
            documents = await self._documents(self._database[type_], wanted, step, projection, limit - len(found.hits))
            found.documents.extend(documents)
            found.hits.extend(
                Hit(version_of(type_, document[layout.ID], document), step.values(document)) for document in documents
            )
            if len(found.hits) >= limit:
                break
        return found

    async def _documents(
        self,
        collection: AsyncCollection[dict[str, Any]],
        wanted: Filter,
        step: Reading,
        projection: dict[str, Any],
        limit: int,
    ) -> list[dict[str, Any]]:
        with translate.errors():
            if step.computed:
                pipeline = [{"$match": wanted}, *step.computed, {"$limit": limit}, {"$project": projection}]
                cursor = await collection.aggregate(pipeline, maxTimeMS=self._time_limit_ms)
                return await cursor.to_list(limit)
            found = collection.find(wanted, projection, sort=step.sort, limit=limit, max_time_ms=self._time_limit_ms)
            return await found.to_list(limit)
