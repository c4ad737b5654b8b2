"""The value of a FHIRPath Patch operation: a `value[x]`, a resource, or nested parts that build an element.

Spec: https://hl7.org/fhir/R4/fhirpatch.html, https://hl7.org/fhir/R4/parameters.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from conformance.definitions import Element
from fhir_server.kernel.types import Resource
from fhir_server.resources.patch.locations import Locator, Pair, pairs, store, store_one
from fhir_server.resources.patch.tree import copied

Part: TypeAlias = Mapping[str, Any]
"""A Parameters.parameter or one of its parts, as JSON."""

_PARAMETER = "Parameters.parameter"
_NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})


@dataclass(frozen=True, slots=True)
class Built:
    """A value ready to be stored under the JSON property `key`."""

    key: str
    pair: Pair


class Unfit(Exception):
    """The value does not fit the element; the text says why, without the value."""


def build(part: Part, element: Element, locator: Locator) -> Built:
    """Return the value of a part for an element: with the JSON name that its type gives to a choice.

    Errors: Unfit when the part has no value, more than one, or one of another type than the element's
            PathError when a nested part names no element
    """
    given = [name for name in part if name.removeprefix("_").startswith("value")]
    kinds = len({name.removeprefix("_") for name in given}) + ("part" in part) + ("resource" in part)
    if kinds != 1:
        raise Unfit("there must be exactly one value: a value[x], a resource or parts")
    if "resource" in part:
        if element.types != ("Resource",) or not isinstance(part["resource"], dict):
            raise Unfit("a resource does not fit here")
        return Built(element.name, (copied(part["resource"]), None))
    if "part" in part:
        return _from_parts(part["part"], element, locator)
    return _from_value(part, given[0].removeprefix("_"), element, locator)


def _from_value(part: Part, key: str, element: Element, locator: Locator) -> Built:
    found = locator.definitions.element(_PARAMETER, key)
    if found is None:
        raise Unfit("the value has a type that FHIR does not have")
    given = found[1]
    fhir_type = next((wanted for wanted in element.types if wanted == given), None)
    if fhir_type is None and not element.is_choice and _fits(given, element.types[0], locator):
        fhir_type = element.types[0]
    if fhir_type is None:
        raise Unfit(f"a value of type {given} does not fit here")
    value, twin = part.get(key), part.get(f"_{key}")
    is_primitive = locator.is_primitive(fhir_type)
    if value is None and twin is None:
        raise Unfit("the value is null")
    if not is_primitive and (not isinstance(value, dict) or twin is not None):
        raise Unfit(f"a {fhir_type} is a JSON object")
    if is_primitive and (isinstance(value, dict | list) or not isinstance(twin, dict | None)):
        raise Unfit(f"a {fhir_type} is a plain JSON value; its extensions are a JSON object")
    return Built(element.json_name(fhir_type), (copied(value), copied(twin)))


def _fits(given: str, wanted: str, locator: Locator) -> bool:
    """Whether a value of one type may stand for another: of one family, and of one JSON kind if primitive.

    Clients send a code as valueString and an id as valueString; Parameters has no value of some types at all
    (SimpleQuantity is Quantity there). The validator judges the content.
    """
    if locator.is_primitive(given) and locator.is_primitive(wanted):
        return _kind(given) == _kind(wanted)
    related = locator.definitions.is_a
    return related(given, wanted) or related(wanted, given)


def _kind(primitive: str) -> str:
    if primitive in _NUMBERS:
        return "number"
    return "boolean" if primitive == "boolean" else "string"


def _from_parts(parts: object, element: Element, locator: Locator) -> Built:
    if len(element.types) != 1 or locator.is_primitive(element.types[0]) or element.types[0] == "Resource":
        raise Unfit("parts build an element with children; this one has none, or may have several types")
    if not isinstance(parts, list) or not parts:
        raise Unfit("the parts of a value must be an array with content")
    fhir_type = element.types[0]
    built: Resource = {}
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise Unfit("each part must have the name of an element")
        child = locator.element(fhir_type, part["name"])
        append(built, child, build(part, child, locator))
    return Built(element.json_name(fhir_type), (built, None))


def append(owner: Resource, element: Element, built: Built) -> None:
    """Add a value to an object: at the end of an array, or where nothing is yet.

    Errors: Unfit when an element that does not repeat is already there, under any type of a choice
    """
    if element.is_array:
        store(owner, built.key, [*pairs(owner, built.key), built.pair])
        return
    keys = [element.json_name(fhir_type) for fhir_type in element.types]
    if any(key in owner or f"_{key}" in owner for key in keys):
        raise Unfit("the element is already there and does not repeat")
    store_one(owner, built.key, built.pair)
