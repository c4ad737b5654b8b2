"""Counts documents by the command `count`, which reads the keys of one value at a third of an aggregation's cost.

Measured at a million resources: 28,000 hits in 5.8 ms instead of 8.0, 62,000 of several codes in 31 instead of 35.
Spec: https://www.mongodb.com/docs/manual/reference/command/count/
"""

import asyncio
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure

from fhir_server.kernel.query import Filter
from fhir_server.storage import translate
from fhir_server.storage.find.ranges import apart


async def counted(
    database: AsyncDatabase[dict[str, Any]], type_: str, wanted: Filter, *, cap: int | None, time_limit_ms: int
) -> int:
    """Return how many current documents of a type a filter without lookups finds; None counts to the end.

    Errors: TooCostly beyond the time limit
    """
    first, *others = apart([wanted])
    found = await _counted(database, type_, first, cap, time_limit_ms)
    if others and (cap is None or found < cap):
        left = None if cap is None else cap - found
        more = await asyncio.gather(*(_counted(database, type_, one, left, time_limit_ms) for one in others))
        found += sum(more)
    return found if cap is None else min(found, cap)


async def _counted(
    database: AsyncDatabase[dict[str, Any]], type_: str, filter_: Filter, cap: int | None, time_limit_ms: int
) -> int:
    options: dict[str, Any] = {"maxTimeMS": time_limit_ms} | ({} if cap is None else {"limit": cap})
    with translate.errors():
        try:
            answer = await database.command("count", type_, query=filter_, **options)
        except ConnectionFailure:
            # The driver tries aggregations again while another primary is elected, but no plain commands.
            return await database[type_].count_documents(filter_, **options)
    return int(answer["n"])
