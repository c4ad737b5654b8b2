"""Which steps of a chain are put to each candidate, instead of being done first and for all.

A step that finds few documents is done first: what it finds becomes a condition that an index serves. One that finds
many would cost more than the page that is wanted; but then many candidates pass it, so it is cheaper to take
candidates in the order of the search and to ask of each few whether they pass.

Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.storage.find.order import value_at


@dataclass(frozen=True, slots=True)
class Step:
    """A lookup and the field of a candidate that must have one of its values.

    Shape: what the lookup finds must also pass the `rest`, steps of its own that find much
    """

    path: str
    lookup: Lookup
    rest: "tuple[Probe, ...]" = ()

    def asked(self, candidates: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the values of the lookup's own field that would let some of the candidates pass."""
        names = dict.fromkeys(name for one in candidates for name in self.names(one))
        if self.lookup.field == ID:
            return list(names)
        return [start + name for name in names for start in self.lookup.starts]

    def names(self, candidate: Mapping[str, Any]) -> list[str]:
        """Return the candidate's values that may pass, without what stands before them in its field."""
        found = value_at(candidate, self.path)
        values = found if isinstance(found, list) else [found]
        return [
            value.removeprefix(prefix)
            for value in values
            if isinstance(value, str)
            for prefix in self.lookup.prefixes
            if value.startswith(prefix)
        ]


@dataclass(frozen=True, slots=True)
class Probe:
    """One condition of a search that consists of steps: a candidate must pass one of them."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A filter without lookups, and the probes that candidates must pass besides; so have the steps of those."""

    wanted: Filter
    probes: tuple[Probe, ...] = ()

    @property
    def paths(self) -> Iterator[str]:
        """The fields of a candidate that the probes look at."""
        return (step.path for probe in self.probes for step in probe.steps)


def probes(filter_: Filter) -> tuple[list[Probe], list[Filter]]:
    """Return the conditions of a filter that candidates can be asked for, and all others."""
    found: list[Probe] = []
    others: list[Filter] = []
    for part in _conjuncts(filter_):
        steps = _steps(part)
        if steps:
            found.append(Probe(steps))
        else:
            others.append(part)
    return found, others


def _conjuncts(filter_: Filter) -> Iterator[Filter]:
    if filter_.keys() == {"$and"}:
        for part in filter_["$and"]:
            yield from _conjuncts(part)
    else:
        yield filter_


def _steps(part: Filter) -> tuple[Step, ...]:
    """Return the steps of a condition: of one, or of several in an $or; none when it has anything else in it."""
    if len(part) != 1:
        return ()
    ((name, value),) = part.items()
    if isinstance(value, Lookup):
        return (Step(name, value),)
    if name != "$or":
        return ()
    of_parts = [_steps(one) for one in value]
    return tuple(step for steps in of_parts for step in steps) if all(of_parts) else ()


def one_of(parts: Sequence[Filter]) -> Filter:
    """Return the filter that one of some filters holds."""
    return parts[0] if len(parts) == 1 else {"$or": list(parts)}


def joined(filters: Sequence[Filter]) -> Filter:
    """Return the filter that all of some filters hold; without any, that of everything."""
    if not filters:
        return {}
    return filters[0] if len(filters) == 1 else {"$and": list(filters)}
