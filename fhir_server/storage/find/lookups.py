"""Does the steps of chains: each finds values that become a condition of the search around it, or is put off.

Every step sees only what the access rule shows.
Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.query import Access, Filter, Lookup
from fhir_server.storage import translate
from fhir_server.storage.find.probe import Probe, Step, as_filter, joined, probes

MOST_VALUES = 10_000
"""How many values one step of a chain may find: the next step asks for each of them."""

FEW = 1_000
"""Documents up to which a step is done first: more ranges of an index cost more than to ask for each candidate."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A filter without lookups, and the probes that candidates must pass besides; their own lookups are done."""

    wanted: Filter
    probes: tuple[Probe, ...] = ()


class Lookups:
    """Replaces lookups in filters by what they find."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], *, time_limit_ms: int) -> None:
        self._database = database
        self._time_limit_ms = time_limit_ms

    async def plan(self, filter_: Filter, access: Access) -> Plan:
        """Return how to find what a filter means and the access rule shows; steps that find few are done."""
        found, others = probes(filter_)
        frequent: list[Probe] = []
        for probe in found:
            ready = Probe(tuple([await self._ready(step, access) for step in probe.steps]))
            if await self._is_frequent(ready):
                frequent.append(ready)
            else:
                others.append(await self._done(as_filter(ready)))
        wanted = [await self._resolved(part, access) for part in others]
        return Plan(joined([*wanted, access.filter] if access.filter else wanted), tuple(frequent))

    async def completed(self, plan: Plan) -> Filter:
        """Return the filter of a plan with all of its steps done.

        Errors: TooCostly when one finds more than MOST_VALUES
        """
        return joined([plan.wanted, *[await self._done(as_filter(probe)) for probe in plan.probes]])

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
        narrowed = joined([{lookup.field: {"$in": asked}}, lookup.filter])
        return frozenset(_stripped(lookup, await self._values(replace(lookup, filter=narrowed), None)))

    async def _ready(self, step: Step, access: Access) -> Step:
        """Return the step with the lookups in its filter done and the access rule joined to it."""
        return replace(step, lookup=replace(step.lookup, filter=await self._visible(step.lookup.filter, access)))

    async def _is_frequent(self, probe: Probe) -> bool:
        found = 0
        for step in probe.steps:
            with translate.errors():
                found += await self._database[step.lookup.type].count_documents(
                    step.lookup.filter, limit=FEW + 1 - found, maxTimeMS=self._time_limit_ms
                )
            if found > FEW:
                return True
        return False

    async def _visible(self, filter_: Filter, access: Access) -> Filter:
        resolved = await self._resolved(filter_, access)
        return joined([resolved, access.filter]) if access.filter else resolved

    async def _resolved(self, part: Any, access: Access) -> Any:
        match part:
            case Lookup():
                return await self._done(replace(part, filter=await self._visible(part.filter, access)))
            case Mapping():
                return {name: await self._resolved(value, access) for name, value in part.items()}
            case list() | tuple() if any(isinstance(one, Mapping) for one in part):
                return [await self._resolved(one, access) for one in part]
        return part

    async def _done(self, part: Any) -> Any:
        """Return a part of a filter whose lookups have filters without lookups, with those done."""
        match part:
            case Lookup():
                return {"$in": await self._looked_up(part)}
            case {"$or": alternatives}:
                return {"$or": [await self._done(one) for one in alternatives]}
        return {path: await self._done(value) for path, value in part.items()}

    async def _looked_up(self, lookup: Lookup) -> list[str]:
        found = await self._values(lookup, MOST_VALUES + 1)
        if len(found) > MOST_VALUES:
            raise TooCostly(f"a step of the chain finds more than {MOST_VALUES} of {lookup.type}; narrow it down")
        return [prefix + value for value in dict.fromkeys(_stripped(lookup, found)) for prefix in lookup.prefixes]

    async def _values(self, lookup: Lookup, limit: int | None) -> Sequence[str]:
        """Return the values of the lookup's field in what its filter, without lookups, finds."""
        collection = self._database[lookup.type]
        with translate.errors():
            if lookup.field == layout.ID:
                found = collection.find(
                    lookup.filter, {layout.ID: True}, limit=limit or 0, max_time_ms=self._time_limit_ms
                )
                return [document[layout.ID] for document in await found.to_list(limit)]
            pipeline: list[dict[str, Any]] = [
                {"$match": lookup.filter},
                {"$project": {layout.ID: False, "value": f"${lookup.field}"}},
                {"$unwind": "$value"},
                {"$group": {layout.ID: "$value"}},
                *([{"$limit": limit}] if limit else []),
            ]
            cursor = await collection.aggregate(pipeline, maxTimeMS=self._time_limit_ms)
            return [document[layout.ID] for document in await cursor.to_list(limit)]


def _stripped(lookup: Lookup, values: Sequence[str]) -> list[str]:
    """Return the values that begin with one of the lookup's starts, without it."""
    return [value[len(start) :] for value in values for start in lookup.starts if value.startswith(start)]
