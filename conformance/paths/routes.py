"""Ways through the JSON of a resource, and the closures that walk them.

A route has one static FHIR type, known from the structures before any resource is seen: `Observation.value` is eleven
routes, one for each type that its value may have. So the walk itself carries plain values; types join at the end.

Spec: https://hl7.org/fhir/R4/json.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Typed: TypeAlias = tuple[Any, str]
"""A value in its JSON shape and its FHIR type code; a backbone element's type is its path ("Patient.contact")."""

Extractor: TypeAlias = Callable[[Any], Sequence[Typed]]
"""Takes a resource (or an element of the context type), gives the typed values that the expression selects."""

Values: TypeAlias = Callable[[Any], Sequence[Any]]
"""Takes one value, gives the values that lie behind it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A step to a JSON property; arrays of primitives may hold nulls, which stand for values that are not there."""

    name: str
    array: bool = False
    nulls: bool = False


@dataclass(frozen=True, slots=True)
class Apply:
    """A step that filters or maps all values found so far."""

    function: Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """Steps from the focus to the values of one FHIR type."""

    type: str
    steps: tuple[Key | Apply, ...] = ()

    def then(self, fhir_type: str, step: Key | Apply) -> "Route":
        return Route(fhir_type, (*self.steps, step))


def extractor(routes: Sequence[Route]) -> Extractor:
    """Return the closure that walks all routes in order and names the type of each value."""
    if len(routes) == 1:
        return _single(routes[0])
    names = [_plain_name(route) for route in routes]
    if all(names):
        return _plain_members([(name, route.type) for name, route in zip(names, routes, strict=True) if name])
    return _joined([_single(route) for route in routes])


def walk(steps: Sequence[Key | Apply]) -> Values:
    """Return the closure that goes from one value along the steps."""
    if not steps:
        return lambda value: (value,)
    *before, last = steps
    if isinstance(last, Apply):
        return _applied(walk(before), last.function)
    return _after(walk(before), last) if before else _first(last)


def _plain_name(route: Route) -> str | None:
    """Return the property of a route that is one step to a single value: the commonest, and worth a short cut."""
    match route.steps:
        case (Key(name, False),) if route.type != "Resource":
            return name
        case _:
            return None


def _single(route: Route) -> Extractor:
    values, fhir_type = walk(route.steps), route.type
    if fhir_type == "Resource":
        return lambda value: [(found, found.get("resourceType", fhir_type)) for found in values(value)]
    if name := _plain_name(route):
        return _plain_member(name, fhir_type)

    def extract(value: Any) -> Sequence[Typed]:
        found = values(value)
        return [(item, fhir_type) for item in found] if found else ()

    return extract


def _plain_member(name: str, fhir_type: str) -> Extractor:
    def extract(value: Any) -> Sequence[Typed]:
        found = value.get(name)
        return () if found is None else ((found, fhir_type),)

    return extract


def _plain_members(pairs: Sequence[tuple[str, str]]) -> Extractor:
    def extract(value: Any) -> Sequence[Typed]:
        return [(value[name], fhir_type) for name, fhir_type in pairs if name in value]

    return extract


def _joined(parts: Sequence[Extractor]) -> Extractor:
    def extract(value: Any) -> Sequence[Typed]:
        joined: list[Typed] = []
        for part in parts:
            if found := part(value):
                joined += found
        return joined

    return extract


def _first(key: Key) -> Values:
    name = key.name
    if not key.array:
        return lambda value: () if (found := value.get(name)) is None else (found,)
    if key.nulls:
        return lambda value: [found for found in value.get(name, ()) if found is not None]
    return lambda value: value.get(name, ())


def _after(before: Values, key: Key) -> Values:
    """Most optional elements are absent: then the rest of the path costs one test."""
    name = key.name

    def members(value: Any) -> Sequence[Any]:
        items = before(value)
        return [found for item in items if (found := item.get(name)) is not None] if items else ()

    def arrays(value: Any) -> Sequence[Any]:
        items = before(value)
        return [found for item in items for found in item.get(name, ()) if found is not None] if items else ()

    return arrays if key.array else members


def _applied(before: Values, function: Callable[[Sequence[Any]], Sequence[Any]]) -> Values:
    return lambda value: function(items) if (items := before(value)) else ()
