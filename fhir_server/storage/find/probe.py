"""Which steps of a chain are put to each candidate, instead of being done first and for all.

A step that finds few documents is done first: what it finds becomes a condition that an index serves. One that finds
many would cost more than the page that is wanted; but then many candidates pass it, so it is cheaper to take
candidates in the order of the search and to ask of each few whether they pass.

Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from fhir_server.kernel.layout import CONTAINED, ID, TYPE, WAYS
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.storage.find.order import value_at

NOTHING: Filter = {ID: {"$in": []}}

ELEMENT = "$elemMatch"

_Operator: TypeAlias = Literal["$and", "$or", "$nor"]
_OPERATORS: tuple[_Operator, ...] = get_args(_Operator)


@dataclass(frozen=True, slots=True)
class Step:
    """A lookup and the field of a candidate that must have one of its values.

    Shape: what the lookup finds must also pass the `rest`, steps of its own that find much; `inside` is the type and
           the way of those contained resources of a candidate whose field it is, None for the candidate's own
    """

    path: str
    lookup: Lookup
    rest: "tuple[Probe, ...]" = ()
    inside: tuple[str, str] | None = None

    @property
    def projected(self) -> str:
        """The field of a candidate that holds all that the step looks at."""
        return self.path if self.inside is None else CONTAINED

    def condition(self, values: Sequence[str]) -> Filter:
        """Return the filter that one of some values stands in the field."""
        if not values:
            return NOTHING
        found = {self.path: {"$in": values}}
        if self.inside is None:
            return found
        type_, way = self.inside
        return {CONTAINED: {ELEMENT: {TYPE: type_, WAYS: way, **found}}}

    def asked(self, candidates: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return the values of the lookup's own field that would let some of the candidates pass."""
        names = dict.fromkeys(name for one in candidates for name in self.names(one))
        if self.lookup.field == ID:
            return list(names)
        return [start + name for name in names for start in self.lookup.starts]

    def names(self, candidate: Mapping[str, Any]) -> list[str]:
        """Return the candidate's values that may pass, without what stands before them in its field."""
        return [
            value.removeprefix(prefix)
            for holder in self._holders(candidate)
            for value in _listed(value_at(holder, self.path))
            if isinstance(value, str)
            for prefix in self.lookup.prefixes
            if value.startswith(prefix)
        ]

    def _holders(self, candidate: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Return what the field belongs to: the candidate, or resources that it contains."""
        if self.inside is None:
            return (candidate,)
        type_, way = self.inside
        elements = _listed(value_at(candidate, CONTAINED) or [])
        return [one for one in elements if one[TYPE] == type_ and way in one.get(WAYS, ())]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class Joint:
    """Conditions of which a candidate must pass all, one, or none."""

    operator: _Operator
    parts: "tuple[Condition, ...]"


Condition: TypeAlias = Step | Joint | Filter
"""What a candidate must pass; a filter is left to the database."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One condition of a search that has steps in it: a candidate must pass it."""

    condition: Condition

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in it, from left to right."""
        return tuple(_steps(self.condition))

    @property
    def paths(self) -> Iterator[str]:
        """The fields of a candidate that it looks at."""
        return _paths(self.condition)


@dataclass(frozen=True, slots=True)
class Plan:
    """A filter without lookups, and the probes that candidates must pass besides; so have the steps of those."""

    wanted: Filter
    probes: tuple[Probe, ...] = ()

    @property
    def paths(self) -> Iterator[str]:
        """The fields of a candidate that the probes look at."""
        return (path for probe in self.probes for path in probe.paths)


def probes(filter_: Filter) -> tuple[list[Probe], list[Filter]]:
    """Return the conditions of a filter that candidates can be asked for, and all others."""
    found: list[Probe] = []
    others: list[Filter] = []
    for part in _conjuncts(filter_):
        probe = Probe(_condition(part))
        if probe.steps:
            found.append(probe)
        else:
            others.append(part)
    return found, others


def _conjuncts(filter_: Filter) -> Iterator[Filter]:
    if filter_.keys() == {"$and"}:
        for part in filter_["$and"]:
            yield from _conjuncts(part)
    else:
        yield filter_


def _condition(part: Filter) -> Condition:
    """Return a filter with its steps taken apart; what has none that could be put to candidates is left as it is."""
    if len(part) != 1:
        return part
    ((name, value),) = part.items()
    if isinstance(value, Lookup):
        return Step(name, value)
    for operator in _OPERATORS:
        if name == operator:
            joint = Joint(operator, tuple(map(_condition, value)))
            return joint if any(_steps(joint)) else part
    return _inside(value[ELEMENT]) or part if name == CONTAINED and ELEMENT in value else part


def _inside(element: Mapping[str, Any]) -> Step | None:
    """Return the step that the condition on a contained resource consists of, None when it is another one."""
    match element:
        case {"type": str(type_), "ways": str(way), **others} if len(others) == 1:
            ((path, lookup),) = others.items()
            return Step(str(path), lookup, inside=(type_, way)) if isinstance(lookup, Lookup) else None
    return None


def _steps(condition: Condition) -> Iterator[Step]:
    match condition:
        case Step():
            yield condition
        case Joint(parts=parts):
            for part in parts:
                yield from _steps(part)


def _paths(condition: Condition) -> Iterator[str]:
    match condition:
        case Step():
            yield condition.projected
        case Joint(parts=parts):
            for part in parts:
                yield from _paths(part)
        case _:
            yield ID


def replaced(condition: Condition, of_steps: Iterator[Condition]) -> Condition:
    """Return a condition with each of its steps, from left to right, replaced by the next of some conditions.

    Without steps left it is a filter.
    """
    match condition:
        case Step():
            return next(of_steps)
        case Joint(operator, parts):
            found = tuple(replaced(part, of_steps) for part in parts)
            filters = [part for part in found if not isinstance(part, Step | Joint)]
            if len(filters) == len(found):
                return one_of(filters) if operator == "$or" else {operator: filters}
            return Joint(operator, tuple(part for part in found if operator != "$or" or part is not NOTHING))
    return condition


def one_of(parts: Sequence[Filter]) -> Filter:
    """Return the filter that one of some filters holds; those that nothing can hold are left out."""
    possible = [part for part in parts if part is not NOTHING]
    if not possible:
        return NOTHING
    return possible[0] if len(possible) == 1 else {"$or": possible}


def joined(filters: Sequence[Filter]) -> Filter:
    """Return the filter that all of some filters hold; without any, that of everything."""
    if not filters:
        return {}
    return filters[0] if len(filters) == 1 else {"$and": list(filters)}
