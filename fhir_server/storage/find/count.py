"""Counts documents by the command `count`, which reads the keys of one value at a third of an aggregation's cost.

Measured at a million resources: 28,000 hits in 5.8 ms instead of 8.0. Of several values MongoDB remembers each document
to count it once, which doubles the cost of a key: 77,000 hits of four values in 61 ms, one value after the other in 28.
Spec: https://www.mongodb.com/docs/manual/reference/command/count/
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure

from fhir_server.kernel.query import Filter
from fhir_server.storage import translate
from fhir_server.storage.find.order import value_at
from fhir_server.storage.find.ranges import apart

MOST_VALUES = 16
"""Values that are counted one by one: each takes a round trip."""

MOST_SEVERAL = 2_000
"""Documents with several codes that are looked at to find those with two of the values: 2 µs each."""


class Counter:
    """Counts the current documents of a type."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, time_limit_ms: int) -> None:
        self._database = database
        self._time_limit_ms = time_limit_ms

    async def count(self, type_: str, wanted: Filter, *, cap: int | None = None, several: str | None = None) -> int:
        """Return how many documents a filter without lookups finds; with a cap it is counted no further.

        Shape:  `several` is a path that all documents have which may satisfy two values of the filter's $in; None
                where no index tells
        Errors: TooCostly beyond the time limit
        """
        if cap is None and (values := _values(wanted)):
            ((path, _),) = wanted.items()
            return await self._of_values(type_, path, values, several)
        first, *others = apart([wanted])
        found = await self._counted(type_, first, cap)
        if others and (cap is None or found < cap):
            left = None if cap is None else cap - found
            more = await asyncio.gather(*(self._counted(type_, one, left) for one in others))
            found += sum(more)
        return found if cap is None else min(found, cap)

    async def _of_values(self, type_: str, path: str, values: Sequence[str], several: str | None) -> int:
        """Return how many documents have one of some values at a path."""
        found = await asyncio.gather(*(self._counted(type_, {path: value}, 1) for value in values))
        values = [value for value, is_there in zip(values, found, strict=True) if is_there]
        twice = 0
        if len(values) > 1:
            surplus = None if several is None else await self._surplus(type_, path, frozenset(values), several)
            if surplus is None:
                return await self._counted(type_, {path: {"$in": values}}, None)
            twice = surplus
        return sum(await asyncio.gather(*(self._counted(type_, {path: value}, None) for value in values))) - twice

    async def _surplus(self, type_: str, path: str, values: frozenset[str], several: str) -> int | None:
        """Return how often the sum of the counts of some values counts documents again; None when that is too much."""
        with translate.errors():
            found = self._database[type_].find(
                {several: {"$exists": True}},
                {path: True},
                limit=MOST_SEVERAL + 1,
                hint=[(several, 1)],
                max_time_ms=self._time_limit_ms,
            )
            documents = await found.to_list(MOST_SEVERAL + 1)
        if len(documents) > MOST_SEVERAL:
            return None
        shared = (len(values.intersection(value_at(one, path))) for one in documents)
        return sum(number - 1 for number in shared if number > 1)

    async def _counted(self, type_: str, filter_: Filter, cap: int | None) -> int:
        options: dict[str, Any] = {"maxTimeMS": self._time_limit_ms} | ({} if cap is None else {"limit": cap})
        with translate.errors():
            try:
                answer = await self._database.command("count", type_, query=filter_, **options)
            except ConnectionFailure:
                # The driver tries aggregations again while another primary is elected, but no plain commands.
                return await self._database[type_].count_documents(filter_, **options)
        return int(answer["n"])


def _values(wanted: Filter) -> Sequence[str]:
    """Return the values of a filter that asks for one of a few on one field, else none."""
    match list(wanted.values()):
        case [{"$in": list(values)}] if len(values) <= MOST_VALUES and all(isinstance(one, str) for one in values):
            return values
    return ()
