"""The search parameters that are in force, each with the field where its values are stored.

Spec: https://hl7.org/fhir/R4/searchparameter-registry.html, https://hl7.org/fhir/R4/search.html#all
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from conformance.definitions import Definitions, Element, SearchKind, SearchParameter
from conformance.fhirpath import Call, Index, Member, Node, TypeTest, alternatives, parse
from conformance.paths import selected_types
from fhir_server.search.fields import Field, field, unions
from fhir_server.search.kinds.token import BOOLEANS
from fhir_server.search.kinds.words import worded


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter of one type.

    Shape: `any_of` and `all_of` are codes of other parameters that it is made of, so that nothing is stored for it;
           `parts` are the parameters of a composite's components; `source` is the SearchParameter resource that
           defines it ("SearchParameter/a"), None for R4's own; `types` those of the values that count, None for all
    """

    type: str
    definition: SearchParameter
    field: Field
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    parts: tuple["Parameter", ...] = ()
    source: str | None = None
    types: frozenset[str] | None = None
    complete: bool = True
    """Whether every resource is indexed with it: one that users define begins with those that are written from then."""

    @property
    def code(self) -> str:
        return self.definition.code

    @property
    def kind(self) -> SearchKind:
        return self.definition.type

    @property
    def is_stored(self) -> bool:
        return not self.any_of and not self.all_of and self.code != "_id"

    def roots(self, definitions: Definitions) -> frozenset[str] | None:
        """Return the properties of a resource without any of which the parameter selects nothing.

        None when it may select something of any resource: `exists()` gives false where nothing is.
        """
        assert self.definition.expression is not None
        names: set[str] = set()
        for branch in alternatives(parse(self.definition.expression)):
            name = _first_member(branch)
            if name is None:
                return None
            names.add(name)
        elements = definitions.types[self.type].elements
        found = (elements.get(name) or elements.get(f"{name}[x]") for name in names)
        plain = {one.json_name(fhir_type) for one in found if one is not None for fhir_type in one.types}
        return frozenset(plain | {f"_{name}" for name in plain})


Registry = Mapping[str, Mapping[str, Parameter]]
"""By resource type and code. Parameters without expression (_text, _content, _query) are not here."""

_LANGUAGE = SearchParameter(
    code="_language",
    name="Resource-language",
    url="http://hl7.org/fhir/SearchParameter/Resource-language",
    type="token",
    base="Resource",
    expression="Resource.language",
)


TEXT, CONTENT = "_text", "_content"


def canonical_url(registry: Registry, type_: str) -> Field | None:
    """Return where a type has the URL that canonicals name it by; None when it has none.

    That of a Device or Subscription is an address of its own kind: it has no version beside it.
    """
    of_type = registry[type_]
    return of_type["url"].field if {"url", "version"} <= of_type.keys() and of_type["url"].source is None else None


def registry(definitions: Definitions, *, content: bool = False) -> Registry:
    """Return the parameters of every resource type: R4's own, and _language, which came later.

    `content` adds _content, which nearly doubles the cost of a write (ADR 5).
    """
    words = (TEXT, CONTENT) if content else (TEXT,)
    return {
        type_: _of_type(type_, {**parameters, _LANGUAGE.code: _LANGUAGE, **worded(parameters, words)}, definitions)
        for type_, parameters in definitions.search_parameters.items()
    }


def placed(
    definition: SearchParameter,
    definitions: Definitions,
    *,
    name: str,
    source: str,
    parts: tuple[Parameter, ...] = (),
    types: frozenset[str] | None = None,
) -> Parameter:
    """Return the parameter of its base that a resource of users defines; `name` is that of its stored values."""
    type_, stored = definition.base, replace(definition, code=name)
    where = field(type_, stored) if parts else _field(type_, stored, definitions)
    return Parameter(type_, definition, where, parts=parts, source=source, types=types)


def _of_type(
    type_: str, parameters: Mapping[str, SearchParameter], definitions: Definitions
) -> Mapping[str, Parameter]:
    plain = {
        code: Parameter(type_, one, _field(type_, one, definitions), any_of=unions(type_).get(code, ()))
        for code, one in parameters.items()
        if one.expression and one.type != "composite"
    }
    by_url = {one.definition.url: one for one in plain.values()}
    composites = (_composite(type_, one, by_url) for one in parameters.values() if one.type == "composite")
    return plain | {one.code: one for one in composites if one is not None}


def _composite(type_: str, definition: SearchParameter, by_url: Mapping[str, Parameter]) -> Parameter | None:
    """Return the composite, None when a component is not known.

    One on the resource itself is no more than its components together: a resource has one context.
    """
    parts = tuple(by_url[one.definition] for one in definition.components if one.definition in by_url)
    if len(parts) != len(definition.components):
        return None
    union = unions(type_).get(definition.code, ())
    joined = tuple(part.code for part in parts) if definition.expression == type_ else ()
    return Parameter(type_, definition, field(type_, definition), any_of=union, all_of=joined, parts=parts)


def _field(type_: str, definition: SearchParameter, definitions: Definitions) -> Field:
    systems = _implied_systems(type_, definition, definitions) if definition.type == "token" else None
    if definition.type != "reference":
        return field(type_, definition, targets=definition.targets, systems=systems)
    assert definition.expression is not None
    targets = definition.targets
    if not targets or "Resource" in targets:
        targets = tuple(sorted(definitions.resource_types))
    canonical = "canonical" in selected_types(definition.expression, type_, definitions)
    return field(type_, definition, targets=targets, canonical=canonical)


def _implied_systems(type_: str, definition: SearchParameter, definitions: Definitions) -> frozenset[str] | None:
    """Return the systems that the values of a token have without saying so; None when they say it themselves.

    A `code` has the systems of its required binding; text has none.
    """
    assert definition.expression is not None
    found: set[str] = set()
    for branch in alternatives(parse(definition.expression)):
        element = _element(branch, type_, definitions)
        if element is None:
            return None
        for fhir_type in element.types:
            if fhir_type == "boolean":
                found.add(BOOLEANS)
            elif definitions.types[fhir_type].kind != "primitive-type":
                return None
        found.update(definitions.value_sets.get(element.value_set or "", ()))
    return frozenset(found)


def _first_member(node: Node) -> str | None:
    """Return the member of the resource where a path starts: "name" of "Patient.name.given"; None for no path."""
    while True:
        match node:
            case Member(Member(None, type_), name) if type_[:1].isupper():
                return name
            case Member(Member() | Call() | Index() | TypeTest() as source) | Index(source):
                node = source
            case Call(
                Member() | Call() | Index() | TypeTest() as source, "where" | "as" | "ofType" | "extension" | "first"
            ):
                node = source
            case TypeTest("as", operand):
                node = operand
            case _:
                return None


def _element(node: Node, type_: str, definitions: Definitions) -> Element | None:
    """Return the element at the end of a plain path ("Patient.contact.gender"), None for any other expression."""
    names: list[str] = []
    while isinstance(node, Member):
        names.insert(0, node.name)
        if node.source is None:
            return _at_end(names[1:], type_, definitions)
        node = node.source
    return None


def _at_end(names: list[str], type_: str, definitions: Definitions) -> Element | None:
    element: Element | None = None
    for name in names:
        elements = definitions.types[type_].elements
        element = elements.get(name) or elements.get(f"{name}[x]")
        if element is None:
            return None
        type_ = element.types[0]
    return element
