"""The part of a resource that a client wants: _summary and _elements, marked as SUBSETTED.

Spec: https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeAlias, assert_never

from conformance.definitions import Definitions, Element
from fhir_server.kernel.types import Resource
from fhir_server.search.results import Summary

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}
_ALWAYS = frozenset({"resourceType", "id", "meta"})
_Keep: TypeAlias = Callable[[Element], bool]


def with_elements(resource: Resource, names: Collection[str], definitions: Definitions) -> Resource:
    """Return the resource with the named elements ("name", also "Patient.name") and the mandatory ones alone.

    A choice may be called by its name, or as it stands in JSON: "value", "valueQuantity".
    """
    wanted = {_element(name, resource["resourceType"], definitions) for name in names}
    return _subset(resource, definitions, lambda one: one.min > 0 or one.name in wanted)


def unknown_elements(names: Iterable[str], types: Collection[str], definitions: Definitions) -> list[str]:
    """Return the names that call no element of some types; "Patient.name" calls one of any other type's as well."""
    return [
        name
        for name in names
        if name not in _ALWAYS and not any(_element(name, type_, definitions) for type_ in _meant(name, types))
    ]


def _meant(name: str, types: Collection[str]) -> Collection[str]:
    type_, dot, _ = name.partition(".")
    return (type_,) if dot and type_[:1].isupper() else types


def _element(name: str, type_: str, definitions: Definitions) -> str | None:
    """Return the element of a type that a name calls, as it is defined: "value[x]"; None for no element."""
    head = name.removeprefix(f"{type_}.").partition(".")[0]
    if type_ not in definitions.resource_types:
        return None
    if f"{head}[x]" in definitions.types[type_].elements:
        return f"{head}[x]"
    found = definitions.element(type_, head)
    return None if found is None else found[0].name


def summarised(resource: Resource, summary: Summary, definitions: Definitions) -> Resource:
    """Return what a summary leaves of a resource; "false" and "count" leave all of it."""
    match summary:
        case "true":
            return _subset(resource, definitions, lambda one: one.summary)
        case "text":
            return _subset(resource, definitions, lambda one: one.min > 0 or one.name == "text")
        case "data":
            return _tagged({name: value for name, value in resource.items() if name != "text"})
        case "false" | "count":
            return resource
        case _:
            assert_never(summary)


def _subset(resource: Resource, definitions: Definitions, keep: _Keep) -> Resource:
    return _tagged(_kept(resource, resource["resourceType"], definitions, keep))


def _kept(value: Resource, type_: str, definitions: Definitions, keep: _Keep) -> Resource:
    """Return the members to keep; inside of backbone elements the mandatory ones are kept as well."""
    kept: Resource = {}
    is_resource = "resourceType" in value
    for name, content in value.items():
        found = definitions.element(type_, name.removeprefix("_"))
        if is_resource and name in _ALWAYS:
            kept[name] = content
        elif found is not None and (keep(found[0]) or (not is_resource and found[0].min > 0)):
            kept[name] = _kept_below(content, found[1], definitions, keep)
    return kept


def _kept_below(content: Any, fhir_type: str, definitions: Definitions, keep: _Keep) -> Any:
    definition = definitions.types.get(fhir_type)
    if definition is None or definition.kind != "backbone" or not any(map(keep, definition.elements.values())):
        return content
    if isinstance(content, list):
        return [_kept(one, fhir_type, definitions, keep) for one in content]
    return _kept(content, fhir_type, definitions, keep)


def _tagged(resource: Resource) -> Resource:
    meta = resource.get("meta", {})
    tags = [tag for tag in meta.get("tag", ()) if tag.get("code") != SUBSETTED["code"]]
    tagged = {**meta, "tag": [*tags, SUBSETTED]}
    if "meta" in resource:
        return {**resource, "meta": tagged}
    head: Resource = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return {**head, "meta": tagged, **resource}
