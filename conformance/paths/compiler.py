"""A FHIRPath syntax tree compiled against the structures to routes through the JSON.

Spec: https://hl7.org/fhir/R4/fhirpath.html, https://hl7.org/fhir/R4/searchparameter.html#expression
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from conformance.definitions import Definitions
from conformance.fhirpath import (
    Binary,
    Call,
    Index,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Variable,
    parse,
    type_name,
)
from conformance.paths.conditions import BOOLEAN_CALLS, BOOLEAN_OPERATORS, Condition, Conditions
from conformance.paths.errors import PathError
from conformance.paths.routes import Apply, Extractor, Key, Route, Typed, extractor, walk

Routes: TypeAlias = tuple[Route, ...]
Composite: TypeAlias = Callable[[Any], list[tuple[Sequence[Typed], ...]]]
"""Takes a resource, gives the values of every component for each context where all components have some."""

MOST_ROUTES, MOST_ROUTES_TRIED = 5_000, 50_000
"""Routes that one step, and all steps together, may open: `value` of an Extension has fifty types, and each of those
has extensions again."""

_POSITIONS = {"first": slice(0, 1), "last": slice(-1, None), "tail": slice(1, None)}


def compile(
    expression: str, type_: str, definitions: Definitions, *, types: Collection[str] | None = None
) -> Extractor:
    """Return the closure that takes a resource of a type and gives the typed values that the expression selects.

    `types` leaves out values of all other types.

    Shape:  "Patient.name.given", "Patient" -> {"name": [{"given": ["Ann", "Bo"]}]} -> [("Ann", "string"), …]
            a branch that begins with another type ("Person.name") selects nothing
    Errors: FhirPathError for text that is no FHIRPath; PathError for what lies outside the subset or the structures;
            the closure itself raises nothing for a valid resource
    Spec:   https://hl7.org/fhir/R4/searchparameter.html#expression
    """
    routes = _Compiler(definitions).routes(parse(expression), (Route(type_),))
    return extractor(routes if types is None else [route for route in routes if route.type in types])


def selected_types(expression: str, context_type: str, definitions: Definitions) -> list[str]:
    """Return the type of the values at the end of each way that an expression opens: none for another type's paths.

    Shape:  "Patient.name | Patient.contact.name", "Patient" -> ["HumanName", "HumanName"]
    Errors: as `compile`
    """
    return [route.type for route in _Compiler(definitions).routes(parse(expression), (Route(context_type),))]


def compile_from(expression: str, context_type: str, definitions: Definitions) -> Extractor:
    """Return the same as `compile` for values of any type: "Observation.component", "Dosage"."""
    return extractor(_Compiler(definitions).routes(parse(expression), (Route(context_type),)))


def compile_composite(expression: str, components: Sequence[str], type_: str, definitions: Definitions) -> Composite:
    """Return the closure that gives, for each value of the expression, the values of every component expression.

    A context where a component has no value is left out: a composite matches only whole.

    Shape:  "Observation.component", ("code", "value.as(Quantity)") -> [([(…, "CodeableConcept")], [(…, "Quantity")])]
    Errors: as `compile`
    Spec:   https://hl7.org/fhir/R4/searchparameter.html#SearchParameter.component
    """
    compiler = _Compiler(definitions)
    contexts = compiler.routes(parse(expression), (Route(type_),))
    parts = [
        _composite(compiler, context, [parse(component) for component in components], type_) for context in contexts
    ]
    return lambda resource: [found for part in parts for found in part(resource)]


def compile_condition(criteria: Node, context_type: str, definitions: Definitions) -> Condition:
    """Return the closure that decides whether criteria, as in `where(criteria)`, hold for a value; None for neither.

    Errors: as `compile`
    """
    compiler = _Compiler(definitions)
    return Conditions(compiler.routes, compiler.type_named).condition(criteria, context_type)


def type_named(name: str, definitions: Definitions) -> str:
    """Return the type code behind a type's name: "FHIR.Quantity" and R4's own slip `as(DateTime)` included.

    Errors: PathError when no type has that name
    """
    bare = name.removeprefix("FHIR.").removeprefix("System.")
    for candidate in (bare, bare[:1].lower() + bare[1:]):
        if candidate in definitions.types:
            return candidate
    raise PathError("the expression names a type that FHIR does not have")


def _composite(compiler: "_Compiler", context: Route, components: Sequence[Node], type_: str) -> Composite:
    contexts = walk(context.steps)
    rooted = [_is_rooted(node) for node in components]
    routes = [
        compiler.routes(node, (Route(type_ if at_root else context.type),))
        for node, at_root in zip(components, rooted, strict=True)
    ]
    # the value of a composite, its last component, is what a context lacks most often
    backwards = list(zip(map(extractor, routes), rooted, strict=True))[::-1]

    def compose(resource: Any) -> list[tuple[Sequence[Typed], ...]]:
        composed = []
        for value in contexts(resource):
            parts: list[Sequence[Typed]] = []
            for extract, at_root in backwards:
                if not (found := extract(resource if at_root else value)):
                    break
                parts.append(found)
            else:
                composed.append(tuple(reversed(parts)))
        return composed

    return compose


def _is_rooted(node: Node) -> bool:
    """Whether a path starts at `%resource`, as two composites of MolecularSequence do."""
    while isinstance(node, Member | Call) and node.source is not None:
        node = node.source
    return isinstance(node, Variable)


@dataclass(frozen=True, slots=True)
class _Compiler:
    definitions: Definitions
    tried: list[int] = field(default_factory=lambda: [0])
    """How many routes were opened so far."""

    def routes(self, node: Node, focus: Routes) -> Routes:
        """Return the routes that the expression opens from those of its focus."""
        match node:
            case Member(None, name) if name in self.definitions.types and name[0].isupper():
                return tuple(route for route in focus if self._is_a(route, name))
            case Member(source, name):
                return self._member(self._source(source, focus), name)
            case Binary("|", left, right):
                return self.routes(left, focus) + self.routes(right, focus)
            case Binary(operator) if operator in BOOLEAN_OPERATORS:
                return self._booleans(node, focus)
            case TypeTest("as", operand, name):
                return self._of_type(self.routes(operand, focus), name)
            case TypeTest("is"):
                return self._booleans(node, focus)
            case Index(source, Literal(int(position), "Integer")):
                return _positions(self.routes(source, focus), slice(position, position + 1))
            case Call(source, name, arguments):
                return self._call(node, self._source(source, focus), focus, name, arguments)
            case Special("this") | Variable("resource"):
                return focus
            case _:
                raise PathError(f"{type(node).__name__} is not supported in a search expression")

    def type_named(self, name: str) -> str:
        return type_named(name, self.definitions)

    def _source(self, source: Node | None, focus: Routes) -> Routes:
        return focus if source is None else self.routes(source, focus)

    def _call(self, node: Call, source: Routes, focus: Routes, name: str, arguments: tuple[Node, ...]) -> Routes:
        match name, arguments:
            case ("as" | "ofType", (argument,)) if named := type_name(argument):
                return self._of_type(source, named)
            case "where", (criteria,):
                return tuple(self._where(route, criteria) for route in source)
            case "extension", (Literal(str(url), "String"),):
                return tuple(route.then("Extension", _with_url(url)) for route in self._member(source, "extension"))
            case (("first" | "last" | "tail"), ()):
                return _positions(source, _POSITIONS[name])
            case _ if name in BOOLEAN_CALLS:
                return self._booleans(node, focus)
            case _:
                raise PathError(f"{name}() with {len(arguments)} arguments is not supported in a search expression")

    def _member(self, source: Routes, name: str) -> Routes:
        found = tuple(islice((target for route in source for target in self._step(route, name)), MOST_ROUTES + 1))
        self.tried[0] += len(found)
        if len(found) > MOST_ROUTES or self.tried[0] > MOST_ROUTES_TRIED:
            raise PathError("the expression leads to too many places: say of which type a value is to be")
        if source and not found:
            raise PathError(f"{', '.join(route.type for route in source)} has no element {name}")
        return found

    def _step(self, route: Route, name: str) -> Routes:
        definition = self.definitions.types.get(route.type)
        if definition is None:
            raise PathError(f"{route.type} is not a type")
        element = definition.elements.get(name) or definition.elements.get(f"{name}[x]")
        if element is None:
            return ()
        if definition.kind == "primitive-type":
            route = _twin(route)
        return tuple(
            route.then(fhir_type, Key(element.json_name(fhir_type), element.is_array, self._is_primitive(fhir_type)))
            for fhir_type in element.types
        )

    def _of_type(self, source: Routes, name: str) -> Routes:
        wanted = self.type_named(name)
        return tuple(
            Route(wanted, (*route.steps, _of_resource_type(wanted))) if route.type == "Resource" else route
            for route in source
            if route.type == "Resource" or self._is_a(route, wanted)
        )

    def _where(self, route: Route, criteria: Node) -> Route:
        holds = Conditions(self.routes, self.type_named).condition(criteria, route.type)
        return route.then(route.type, Apply(lambda values: [value for value in values if holds(value)]))

    def _booleans(self, node: Node, focus: Routes) -> Routes:
        return tuple(self._boolean(node, route) for route in focus)

    def _boolean(self, node: Node, route: Route) -> Route:
        holds = Conditions(self.routes, self.type_named).condition(node, route.type)
        return route.then("boolean", Apply(lambda values: [found for v in values if (found := holds(v)) is not None]))

    def _is_a(self, route: Route, ancestor: str) -> bool:
        return self.definitions.is_a(route.type, ancestor)

    def _is_primitive(self, fhir_type: str) -> bool:
        definition = self.definitions.types.get(fhir_type)
        return definition is not None and definition.kind == "primitive-type"


def _twin(route: Route) -> Route:
    """Return the route to the id and extensions of a primitive: birthDate's lie in the property _birthDate."""
    *before, last = route.steps or (None,)
    if not isinstance(last, Key):
        raise PathError(f"the extensions of this {route.type} cannot be reached")
    return Route(route.type, (*(step for step in before if step), Key(f"_{last.name}", last.array, nulls=True)))


def _with_url(url: str) -> Apply:
    return Apply(lambda values: [value for value in values if value.get("url") == url])


def _of_resource_type(wanted: str) -> Apply:
    return Apply(lambda values: [value for value in values if value.get("resourceType") == wanted])


def _positions(source: Routes, cut: slice) -> Routes:
    """Return routes to the values at some positions of all that the source gives, one for each of its types."""
    if len(source) == 1:
        return (source[0].then(source[0].type, Apply(lambda values: values[cut])),)
    walks = [walk(route.steps) for route in source]

    def chosen(number: int) -> Apply:
        def pick(focus: Sequence[Any]) -> Sequence[Any]:
            found = [(place, item) for place, values in enumerate(walks) for item in values(focus[0])]
            return [item for place, item in found[cut] if place == number]

        return Apply(pick)

    return tuple(Route(route.type, (chosen(number),)) for number, route in enumerate(source))
