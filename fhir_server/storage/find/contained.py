"""What a search finds inside of the containers that it found: the filter on a document, put to each of their elements.

Spec: https://hl7.org/fhir/R4/search.html#contained
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel.layout import CONTAINED, ID, INDEX, TYPE
from fhir_server.kernel.query import Access, Filter, Query
from fhir_server.kernel.types import Shown
from fhir_server.storage import translate
from fhir_server.storage.find.lookups import Lookups
from fhir_server.storage.find.probe import joined

_CONTAINER = "container"
_COUNT = "count"

_ELEMENTS: tuple[dict[str, Any], ...] = (
    {"$unwind": f"${CONTAINED}"},
    {"$replaceWith": {name: f"${CONTAINED}.{name}" for name in (TYPE, ID, INDEX)} | {_CONTAINER: f"${ID}"}},
)


class Contained:
    """Looks into containers; `filters` are those of a search, by the type that is searched."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], lookups: Lookups, *, time_limit_ms: int) -> None:
        self._database = database
        self._lookups = lookups
        self._time_limit_ms = time_limit_ms

    async def found(
        self, containers: Sequence[Shown], filters: Mapping[str, Filter], access: Access
    ) -> dict[str, list[str]]:
        """Return the ids of the contained resources that match, in their order, by the reference of the container."""
        wanted = await self._elements(filters, access)

        async def of_type(type_: str, ids: list[str]) -> list[tuple[str, str]]:
            steps = [{"$match": {ID: {"$in": ids}}}, *_ELEMENTS, {"$match": wanted}, {"$project": {_CONTAINER: True}}]
            return [(f"{type_}/{one[_CONTAINER]}", one[ID]) for one in await self._aggregated(type_, steps)]

        pairs = await asyncio.gather(*(of_type(type_, ids) for type_, ids in _ids_of(containers).items()))
        found: dict[str, list[str]] = {}
        for reference, id_ in (pair for of_one_type in pairs for pair in of_one_type):
            found.setdefault(reference, []).append(id_)
        return found

    async def whole(self, hits: Sequence[Shown], filters: Mapping[str, Filter], access: Access) -> frozenset[str]:
        """Return the references of those hits that match by themselves, whatever they contain."""

        async def of_type(type_: str, ids: list[str]) -> list[str]:
            wanted = joined([{ID: {"$in": ids}}, await self._lookups.resolved(filters[type_], access)])
            found = await self._aggregated(type_, [{"$match": wanted}, {"$project": {ID: True}}])
            return [f"{type_}/{one[ID]}" for one in found]

        ids_of = {type_: ids for type_, ids in _ids_of(hits).items() if type_ in filters}
        groups = await asyncio.gather(*(of_type(type_, ids) for type_, ids in ids_of.items()))
        return frozenset(reference for group in groups for reference in group)

    async def count(self, query: Query, filters: Mapping[str, Filter], access: Access) -> int:
        """Return how many contained resources match in all containers that a query finds."""
        wanted = await self._elements(filters, access)

        async def of_leg(type_: str, filter_: Filter) -> int:
            containers = await self._lookups.completed(await self._lookups.plan(filter_, access))
            steps = [{"$match": containers}, *_ELEMENTS, {"$match": wanted}, {"$count": _COUNT}]
            return sum(one[_COUNT] for one in await self._aggregated(type_, steps))

        return sum(await asyncio.gather(*(of_leg(type_, filter_) for type_, filter_ in query.legs)))

    async def _elements(self, filters: Mapping[str, Filter], access: Access) -> Filter:
        """Return the condition on an element: of one of the types, and what is asked of that."""
        ready = {
            type_: await self._lookups.resolved(filter_, access, inside=True) for type_, filter_ in filters.items()
        }
        return {"$or": [{"$and": [{TYPE: type_}, filter_]} for type_, filter_ in ready.items()]}

    async def _aggregated(self, type_: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        with translate.errors():
            cursor = await self._database[type_].aggregate(steps, maxTimeMS=self._time_limit_ms)
            return await cursor.to_list(None)


def _ids_of(versions: Sequence[Shown]) -> dict[str, list[str]]:
    ids_of: dict[str, list[str]] = {}
    for version in versions:
        ids_of.setdefault(version.type, []).append(version.id)
    return ids_of
