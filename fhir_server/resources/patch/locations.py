"""Where in a resource a FHIRPath expression points: not values but places, which can be written.

Places are found by members, positions, `where`, `first`, `last`, `tail`, `single`, `skip`, `take`, `extension`,
`ofType` and `as`; the criteria of `where` are those of search expressions.

Spec: https://hl7.org/fhir/R4/fhirpatch.html#concept, https://hl7.org/fhir/R4/json.html#primitive
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

from conformance import paths
from conformance.definitions import Definitions, Element
from conformance.fhirpath import Call, Index, Literal, Member, Node, TypeTest, Variable, type_name
from conformance.paths import PathError
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.types import Resource

Pair: TypeAlias = tuple[Any, Any]
"""A value and, for a primitive, the object with its id and extensions; None for what is not there."""


_SLICES = {"first": slice(0, 1), "last": slice(-1, None), "tail": slice(1, None)}
_MOST_PLACES = 500_000
"""Places that one patch may look at: a long list, walked by each of many operations, costs its square."""


@dataclass(frozen=True, slots=True)
class Location:
    """One element: `owner` holds it as `key`, in an array at `index`; `parent` is the place of the owner itself.

    `pair` is what stood there when the place was found.
    """

    owner: Resource
    key: str
    type: str
    pair: Pair
    index: int | None = None
    parent: "Location | None" = None


def root(resource: Resource) -> Location:
    """Return the place of a resource that nothing holds."""
    return Location({"": resource}, "", str(resource.get("resourceType")), (resource, None))


def pairs(owner: Resource, key: str) -> list[Pair]:
    """Return the elements of an array; arrays of primitives have a twin with their extensions, padded by nulls.

    Errors: PathError when an earlier operation left something else than arrays
    """
    values, twins = owner.get(key, []), owner.get(f"_{key}", [])
    if not isinstance(values, list) or not isinstance(twins, list):
        raise PathError("the list is not a JSON array")
    return list(zip_longest(values, twins))


def store(owner: Resource, key: str, elements: list[Pair]) -> None:
    """Put elements back as an array and its twin; an array without any value is left out."""
    for name, values in ((key, [value for value, _ in elements]), (f"_{key}", [twin for _, twin in elements])):
        if any(value is not None for value in values):
            owner[name] = values
        else:
            owner.pop(name, None)


def store_one(owner: Resource, key: str, pair: Pair) -> None:
    """Put one element that does not repeat in its place, or take it away: (None, None)."""
    for name, value in zip((key, f"_{key}"), pair, strict=True):
        if value is None:
            owner.pop(name, None)
        else:
            owner[name] = value


class Locator:
    """Finds places by the definitions of types; one for each patch, as it counts what the patch looks at."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._places = 0

    def locate(self, node: Node, start: Location) -> list[Location]:
        """Return the places that an expression points to, in document order.

        Errors: PathError for what the structures do not have or what points to no place, TooCostly for too many places
        """
        match node:
            case Member(None, name) if name in self.definitions.types and name[0].isupper():
                return [start] if self.definitions.is_a(start.type, name) else []
            case Variable("resource" | "context"):
                return [start]
            case Member(source, name):
                return self._members(self._source(source, start), name)
            case Index(source, Literal(int(position), "Integer")):
                return self.locate(source, start)[position : position + 1]
            case TypeTest("as", operand, name):
                return self._of_type(self.locate(operand, start), name)
            case Call(source, name, arguments):
                return self._call(self._source(source, start), name, arguments)
            case _:
                raise PathError("the expression does not point to a place")

    def element(self, type_: str, name: str) -> Element:
        """Return the element of a type by its FHIRPath name ("value") or JSON name ("valueQuantity").

        Errors: PathError when the type has no such element
        """
        elements = self._elements(type_)
        plain = elements.get(name) or elements.get(f"{name}[x]")
        found = None if plain else self.definitions.element(type_, name)
        if plain is None and found is None:
            raise PathError(f"{type_} has no element of that name")
        return plain or found[0]  # type: ignore[index]  # one of the two is there

    def children(self, location: Location) -> Resource | None:
        """Return the object that holds the children of an element: of a primitive, the twin with its extensions."""
        value, twin = location.pair
        found = twin if self.is_primitive(location.type) else value
        return found if isinstance(found, dict) else None

    def is_primitive(self, type_: str) -> bool:
        definition = self.definitions.types.get(type_)
        return definition is not None and definition.kind == "primitive-type"

    def _elements(self, type_: str) -> Mapping[str, Element]:
        definition = self.definitions.types.get(type_)
        return {} if definition is None else definition.elements

    def _source(self, source: Node | None, start: Location) -> list[Location]:
        return [start] if source is None else self.locate(source, start)

    def _members(self, parents: list[Location], name: str) -> list[Location]:
        return [found for parent in parents for found in self._member(parent, self.element(parent.type, name))]

    def _member(self, parent: Location, element: Element) -> list[Location]:
        owner = self.children(parent)
        if owner is None:
            return []
        found = []
        for fhir_type in element.types:
            key = element.json_name(fhir_type)
            if key in owner or f"_{key}" in owner:
                found += self._present(parent, owner, key, fhir_type)
        return found

    def _present(self, parent: Location, owner: Resource, key: str, fhir_type: str) -> list[Location]:
        value = owner.get(key)
        if isinstance(value, list) or isinstance(owner.get(f"_{key}"), list):
            found = [
                Location(owner, key, _actual(fhir_type, pair[0]), pair, index, parent)
                for index, pair in enumerate(pairs(owner, key))
                if pair != (None, None)
            ]
        else:
            found = [Location(owner, key, _actual(fhir_type, value), (value, owner.get(f"_{key}")), None, parent)]
        self._places += len(found)
        if self._places > _MOST_PLACES:
            raise TooCostly(f"the patch looks at more than {_MOST_PLACES} elements")
        return found

    def _call(self, source: list[Location], name: str, arguments: tuple[Node, ...]) -> list[Location]:
        match name, arguments:
            case "where", (criteria,):
                return self._where(source, criteria)
            case "extension", (Literal(str(url), "String"),):
                return [one for one in self._members(source, "extension") if _has_url(one.pair[0], url)]
            case (("ofType" | "as"), (argument,)) if named := type_name(argument):
                return self._of_type(source, named)
            case (("first" | "last" | "tail"), ()):
                return source[_SLICES[name]]
            case (("skip" | "take"), (Literal(int(number), "Integer"),)):
                return source[number:] if name == "skip" else source[:number]
            case "single", ():
                if len(source) > 1:
                    raise PathError("single() finds more than one element")
                return source
            case _:
                raise PathError("the expression calls a function that does not point to places")

    def _where(self, source: list[Location], criteria: Node) -> list[Location]:
        types = {location.type for location in source}
        conditions = {type_: paths.compile_condition(criteria, type_, self.definitions) for type_ in types}
        return [location for location in source if _holds(conditions[location.type], location.pair[0])]

    def _of_type(self, source: list[Location], name: str) -> list[Location]:
        wanted = paths.type_named(name, self.definitions)
        return [location for location in source if self.definitions.is_a(location.type, wanted)]


def _actual(fhir_type: str, value: Any) -> str:
    """Return the type of an element that may be any resource: that which the resource names."""
    is_resource = fhir_type == "Resource" and isinstance(value, dict)
    return str(value.get("resourceType")) if is_resource else fhir_type


def _has_url(extension: Any, url: str) -> bool:
    return isinstance(extension, dict) and extension.get("url") == url


def _holds(condition: paths.Condition, value: Any) -> bool:
    """Decide criteria for a value; an earlier operation may have made one that is no valid element."""
    try:
        return value is not None and condition(value) is True
    except (AttributeError, TypeError):
        raise PathError("the criteria meet an element that is not valid") from None
