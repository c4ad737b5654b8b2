"""Which properties of a resource may hold references that no search parameter of R4 finds?

`Account.guarantor.party` is one, `Immunization.encounter`, `Task.restriction.recipient`, and every extension.
Spec: https://hl7.org/fhir/R4/searchparameter-registry.html, https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from conformance.definitions import Definitions, Element
from conformance.fhirpath import Call, Member, Node, TypeTest, alternatives, parse

_Covered: TypeAlias = Mapping[str, Collection[str]]
"""By path of an element ("Account.subject"): the types of its references that a search parameter finds."""

_ANYTHING = ("contained", "extension", "modifierExtension")
"""Properties that may refer to anything: what is contained is indexed for itself, extensions are not."""


def unsearched_properties(definitions: Definitions, type_: str, targets: Collection[str]) -> frozenset[str]:
    """Return the JSON properties of a resource type under which a reference to one of the target types may stand
    that no search parameter of the type finds.

    Shape: "Immunization", {"Encounter"} -> {"encounter", "contained", "extension", "modifierExtension"}
    """
    covered = _covered(definitions, type_)
    elements = definitions.types[type_].elements
    found = (
        element.json_name(fhir_type)
        for element in elements.values()
        for fhir_type in element.types
        if any(
            not set(_possible(one, targets)) <= set(covered.get(path, ()))
            for path, one in _references(definitions, element, fhir_type, type_, frozenset())
        )
    )
    return frozenset(found).union(name for name in _ANYTHING if name in elements)


def _references(
    definitions: Definitions, element: Element, fhir_type: str, parent: str, passed: frozenset[str]
) -> Iterator[tuple[str, Element]]:
    """Yield the path of each Reference that an element is or has below it; not those of extensions."""
    path = f"{parent}.{element.name.removesuffix('[x]')}"
    if fhir_type == "Reference":
        yield path, element
        return
    definition = definitions.types[fhir_type]
    if fhir_type in passed or fhir_type in ("Extension", "Resource") or definition.kind == "primitive-type":
        return
    for one in definition.elements.values():
        for inner in one.types:
            yield from _references(definitions, one, inner, path, passed | {fhir_type})


def _possible(element: Element, targets: Collection[str]) -> Iterator[str]:
    """Yield those of the target types that an element may refer to."""
    yield from (one for one in targets if not element.targets or {one, "Resource"} & set(element.targets))


def _covered(definitions: Definitions, type_: str) -> _Covered:
    found: dict[str, set[str]] = {}
    for parameter in definitions.search_parameters[type_].values():
        if parameter.type == "reference" and parameter.expression:
            for branch in alternatives(parse(parameter.expression)):
                path, narrowed = _selected(branch)
                targets = (narrowed,) if narrowed else parameter.targets or definitions.resource_types
                found.setdefault(path, set()).update(targets)
    return found


def _selected(node: Node) -> tuple[str, str | None]:
    """Return the path of the element that an expression selects, and the one type that it leaves of references.

    The path is "" where a condition leaves some of the element out.
    """
    match node:
        case Member(None, name):
            return name, None
        case Member(Member() as source, name):
            return f"{_selected(source)[0]}.{name}", None
        case Call(Member() as source, "where", (TypeTest("is", Call(None, "resolve"), type_),)):
            return _selected(source)[0], type_.removeprefix("FHIR.")
        case Call(Member() as source, "as" | "ofType", _) | TypeTest("as", source, _):
            return _selected(source)
    return "", None
