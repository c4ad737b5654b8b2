"""Does the steps of chains: each finds values that become a condition of the search around it, or is put off.

Every step sees only what the access rule shows.
Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.query import Access, Filter, Lookup
from fhir_server.storage import translate
from fhir_server.storage.find.count import counted
from fhir_server.storage.find.order import value_at
from fhir_server.storage.find.probe import Plan, Probe, Step, joined, one_of, probes
from fhir_server.storage.find.ranges import tightened

MOST_VALUES = 10_000
"""How many values one step of a chain may find: the next step asks for each of them."""

FEW = 1_000
"""Documents up to which a step is done first: more ranges of an index cost more than to ask for each candidate."""

GLANCE = 100
"""Documents that a step reads at once: most steps find fewer and are done; else to count comes first."""

MOST_READ = 100_000
"""Documents of a step that candidates may lead to when those have to pass steps of their own."""


class Lookups:
    """Replaces lookups in filters by what they find."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, time_limit_ms: int) -> None:
        self._database = database
        self._time_limit_ms = time_limit_ms

    async def plan(self, filter_: Filter, access: Access) -> Plan:
        """Return how to find what a filter means and the access rule shows; steps that find few are done."""
        found, others = probes(filter_)
        frequent: list[Probe] = []
        done: list[Filter] = []
        for probe in found:
            ready = Probe(tuple([await self._ready(step, access) for step in probe.steps]))
            condition = await self._at_once(ready)
            if condition is None:
                frequent.append(ready)
            else:
                done.append(condition)
        wanted = [*done, *[await self._resolved(part, access) for part in others]]
        return Plan(joined([*wanted, access.filter] if access.filter else wanted), tuple(frequent))

    async def resolved(self, filter_: Filter, access: Access) -> Filter:
        """Return a filter with all of its steps done, without the access rule on what it finds itself.

        Errors: TooCostly when a step finds more than MOST_VALUES
        """
        found: Filter = await self._resolved(filter_, access)
        return found

    async def completed(self, plan: Plan) -> Filter:
        """Return the filter of a plan with all of its steps done.

        Errors: TooCostly when one finds more than MOST_VALUES
        """
        conditions = []
        for probe in plan.probes:
            steps = [replace(step.lookup, filter=await self.completed(_behind(step))) for step in probe.steps]
            values = zip(probe.steps, [await self._looked_up(lookup) for lookup in steps], strict=True)
            conditions.append(one_of([{step.path: {"$in": found}} for step, found in values]))
        return joined([plan.wanted, *conditions])

    async def passing(self, plan: Plan, candidates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of some documents that pass all probes; they have the fields that the steps look at."""
        left = list(candidates)
        for probe in plan.probes:
            found = [(step, await self._passed(step, left)) for step in probe.steps]
            left = [one for one in left if any(not names.isdisjoint(step.names(one)) for step, names in found)]
        return left

    async def _passed(self, step: Step, candidates: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Return the names, of those that candidates have, that the step finds."""
        asked, lookup = step.asked(candidates), step.lookup
        if not asked:
            return frozenset()
        narrowed = replace(lookup, filter=joined([{lookup.field: {"$in": asked}}, lookup.filter]))
        if not step.rest:
            return frozenset(_stripped(lookup, await self._values(narrowed, None)))
        documents = await self._documents(narrowed, MOST_READ + 1, _behind(step).paths)
        if len(documents) > MOST_READ:
            raise TooCostly(f"candidates of the chain lead to more than {MOST_READ} {lookup.type}; narrow it down")
        passed = await self.passing(_behind(step), documents)
        return frozenset(_stripped(lookup, _values_in(passed, lookup.field)))

    async def _ready(self, step: Step, access: Access) -> Step:
        """Return the step with the lookups in its filter done or put off, and the access rule joined to it."""
        inner = await self.plan(step.lookup.filter, access)
        return Step(step.path, replace(step.lookup, filter=inner.wanted), inner.probes)

    async def _at_once(self, probe: Probe) -> Filter | None:
        """Return the condition that the steps of a probe make; None when they find too much to be done first."""
        if any(step.rest for step in probe.steps):
            return None
        seen = await asyncio.gather(*(self._documents(step.lookup, GLANCE) for step in probe.steps))
        left = FEW - sum(map(len, seen))
        parts: list[Filter] = []
        for step, documents in zip(probe.steps, seen, strict=True):
            values: Sequence[str] = _values_in(documents, step.lookup.field)
            if len(documents) >= GLANCE:
                left += len(documents) - await self._count(step.lookup, max(left + len(documents), 0) + 1)
                values = [] if left < 0 else await self._values(step.lookup, None)
            if left < 0:
                return None
            parts.append({step.path: {"$in": _named(step.lookup, values)}})
        return one_of(parts)

    async def _count(self, lookup: Lookup, cap: int) -> int:
        return await counted(self._database, lookup.type, lookup.filter, cap=cap, time_limit_ms=self._time_limit_ms)

    async def _resolved(self, part: Any, access: Access) -> Any:
        match part:
            case Lookup():
                filter_ = await self._resolved(part.filter, access)
                visible = joined([filter_, access.filter]) if access.filter else filter_
                return {"$in": await self._looked_up(replace(part, filter=visible))}
            case Mapping():
                return {name: await self._resolved(value, access) for name, value in part.items()}
            case list() | tuple() if any(isinstance(one, Mapping) for one in part):
                return [await self._resolved(one, access) for one in part]
        return part

    async def _looked_up(self, lookup: Lookup) -> list[str]:
        found = await self._values(lookup, MOST_VALUES + 1)
        if len(found) > MOST_VALUES:
            raise TooCostly(f"a step of the chain finds more than {MOST_VALUES} of {lookup.type}; narrow it down")
        return _named(lookup, found)

    async def _values(self, lookup: Lookup, limit: int | None) -> Sequence[str]:
        """Return the values of the lookup's field in what its filter, without lookups, finds."""
        if lookup.field == layout.ID:
            return _values_in(await self._documents(lookup, limit), layout.ID)
        pipeline: list[dict[str, Any]] = [
            {"$match": tightened([lookup.filter])},
            {"$project": {layout.ID: False, "value": f"${lookup.field}"}},
            {"$unwind": "$value"},
            {"$group": {layout.ID: "$value"}},
            *([{"$limit": limit}] if limit else []),
        ]
        with translate.errors():
            cursor = await self._database[lookup.type].aggregate(pipeline, maxTimeMS=self._time_limit_ms)
            return [document[layout.ID] for document in await cursor.to_list(limit)]

    async def _documents(self, lookup: Lookup, limit: int | None, paths: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Return what the lookup's filter, without lookups, finds: its field and those at some paths."""
        projection = {layout.ID: lookup.field == layout.ID} | dict.fromkeys((lookup.field, *paths), True)
        with translate.errors():
            found = self._database[lookup.type].find(
                tightened([lookup.filter]), projection, limit=limit or 0, max_time_ms=self._time_limit_ms
            )
            return await found.to_list(limit)


def _behind(step: Step) -> Plan:
    """Return the plan of what a step's lookup finds."""
    return Plan(step.lookup.filter, step.rest)


def _values_in(documents: Iterable[Mapping[str, Any]], path: str) -> list[str]:
    return list(dict.fromkeys(_texts(value_at(document, path) for document in documents)))


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif value is not None:
            yield from value


def _named(lookup: Lookup, values: Sequence[str]) -> list[str]:
    """Return the values as they stand in the field of the filter around the lookup."""
    return [prefix + value for value in dict.fromkeys(_stripped(lookup, values)) for prefix in lookup.prefixes]


def _stripped(lookup: Lookup, values: Sequence[str]) -> list[str]:
    """Return the values that begin with one of the lookup's starts, without it."""
    return [value[len(start) :] for value in values for start in lookup.starts if value.startswith(start)]
