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
from fhir_server.storage.find.count import Counter
from fhir_server.storage.find.order import value_at
from fhir_server.storage.find.probe import (
    ELEMENT,
    NOTHING,
    Condition,
    Joint,
    Plan,
    Probe,
    Step,
    joined,
    probes,
    replaced,
)
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
        self._counter = Counter(database, time_limit_ms=time_limit_ms)

    async def plan(self, filter_: Filter, access: Access) -> Plan:
        """Return how to find what a filter means and the access rule shows; steps that find few are done."""
        found, others = probes(filter_)
        frequent: list[Probe] = []
        wanted: list[Filter] = []
        for probe in found:
            ready = iter([await self._ready(step, access) for step in probe.steps])
            condition = await self._at_once(Probe(replaced(probe.condition, ready)))
            if isinstance(condition, Step | Joint):
                frequent.append(Probe(condition))
            else:
                wanted.append(condition)
        wanted += [await self._resolved(part, access) for part in others]
        return Plan(joined([*wanted, access.filter] if access.filter else wanted), tuple(frequent))

    async def resolved(self, filter_: Filter, access: Access, *, inside: bool = False) -> Filter:
        """Return a filter with all of its steps done, without the access rule on what it finds itself.

        Shape:  `inside`: it is put to contained resources, not to documents
        Errors: TooCostly when a step finds more than MOST_VALUES
        """
        found: Filter = await self._resolved(filter_, access, inside)
        return found

    async def completed(self, plan: Plan) -> Filter:
        """Return the filter of a plan with all of its steps done.

        Errors: TooCostly when one finds more than MOST_VALUES
        """
        wanted = [plan.wanted]
        for probe in plan.probes:
            done = [await self._completed(step) for step in probe.steps]
            condition = replaced(probe.condition, iter(done))
            assert not isinstance(condition, Step | Joint)
            wanted.append(condition)
        return joined(wanted)

    async def _completed(self, step: Step) -> Filter:
        lookup = replace(step.lookup, filter=await self.completed(_behind(step)))
        return step.condition(await self._looked_up(lookup))

    async def passing(self, type_: str, plan: Plan, candidates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of some documents of a type that pass all probes; they have the fields that those look at."""
        left = list(candidates)
        for probe in plan.probes:
            left = await self._passing(type_, probe.condition, left)
        return left

    async def _passing(
        self, type_: str, condition: Condition, candidates: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        match condition:
            case _ if not candidates or condition is NOTHING:
                return []
            case Step():
                names = await self._passed(condition, candidates)
                return [one for one in candidates if not names.isdisjoint(condition.names(one))]
            case Joint("$and", parts):
                for part in parts:
                    candidates = await self._passing(type_, part, candidates)
                return candidates
            case Joint(operator, parts):
                left = candidates
                for part in parts:
                    passed = {id(one) for one in await self._passing(type_, part, left)}
                    left = [one for one in left if id(one) not in passed]
                others = {id(one) for one in left}
                return left if operator == "$nor" else [one for one in candidates if id(one) not in others]
            case _:
                ids = [one[layout.ID] for one in candidates]
                lookup = Lookup(type_, joined([{layout.ID: {"$in": ids}}, condition]), layout.ID)
                found = set(await self._values(lookup, None))
                return [one for one in candidates if one[layout.ID] in found]

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
        passed = await self.passing(lookup.type, _behind(step), documents)
        return frozenset(_stripped(lookup, _values_in(passed, lookup.field)))

    async def _ready(self, step: Step, access: Access) -> Step | Filter:
        """Return the step with the lookups in its filter done or put off, and the access rule joined to it."""
        if step.lookup.own and not await self._is_anything(step.lookup, access):
            return NOTHING
        inner = await self.plan(step.lookup.filter, access)
        return replace(step, lookup=replace(step.lookup, filter=inner.wanted), rest=inner.probes)

    async def _is_anything(self, lookup: Lookup, access: Access) -> bool:
        """Tell whether a lookup can find anything, as far as that can be told without the lookups in its filter.

        Few databases have resources that contain what chains lead to: what lies behind those is not looked up then.
        """
        inner, others = probes(lookup.filter)
        if not inner:
            return True  # it is as cheap to do it
        wanted = joined([*others, access.filter] if access.filter else others)
        return bool(await self._documents(replace(lookup, filter=wanted), 1))

    async def _at_once(self, probe: Probe) -> Condition:
        """Return the filter that a probe is with its steps done.

        Where they find too much to be done first, return its condition without those that find nothing.
        """
        steps = probe.steps
        if any(step.rest for step in steps):
            return probe.condition
        seen = await asyncio.gather(*(self._documents(step.lookup, GLANCE) for step in steps))
        left = FEW - sum(map(len, seen))
        done: list[Filter] = []
        for step, documents in zip(steps, seen, strict=True):
            values: Sequence[str] = _values_in(documents, step.lookup.field)
            if len(documents) >= GLANCE:
                left += len(documents) - await self._count(step.lookup, max(left + len(documents), 0) + 1)
                values = [] if left < 0 else await self._values(step.lookup, None)
            if left < 0:
                some = (step if found else NOTHING for step, found in zip(steps, seen, strict=True))
                return replaced(probe.condition, some)
            done.append(step.condition(_named(step.lookup, values)))
        return replaced(probe.condition, iter(done))

    async def _count(self, lookup: Lookup, cap: int) -> int:
        return await self._counter.count(lookup.type, lookup.filter, cap=cap)

    async def _resolved(self, part: Any, access: Access, inside: bool = False) -> Any:
        match part:
            case Lookup(own=True) if inside:
                return {"$in": []}  # it finds containers, and what is contained has nothing inside
            case Lookup():
                filter_ = await self._resolved(part.filter, access)
                visible = joined([filter_, access.filter]) if access.filter else filter_
                return {"$in": await self._looked_up(replace(part, filter=visible))}
            case Mapping():
                return {
                    name: await self._resolved(value, access, inside or name == ELEMENT) for name, value in part.items()
                }
            case list() | tuple() if any(isinstance(one, Mapping) for one in part):
                return [await self._resolved(one, access, inside) for one in part]
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
        projection = {layout.ID: False} | dict.fromkeys((lookup.field, *paths), True)
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
