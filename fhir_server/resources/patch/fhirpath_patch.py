"""FHIRPath Patch: operations in a Parameters resource, on places that FHIRPath expressions name.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.definitions import Definitions, Element
from conformance.fhirpath import FhirPathError, Member, Node, parse
from conformance.paths import PathError
from fhir_server.kernel.errors import Invalid, Issue, TooCostly, Unprocessable
from fhir_server.kernel.types import Resource
from fhir_server.resources.patch.locations import Location, Locator, pairs, root, store, store_one
from fhir_server.resources.patch.tree import copied
from fhir_server.resources.patch.values import Part, Unfit, append, build

_TEXTS = {
    "type": ("valueCode", "valueString"),
    "path": ("valueString",),
    "name": ("valueString", "valueCode", "valueId"),
}
_NUMBERS = ("index", "source", "destination")
_INTEGERS = ("valueInteger", "valueUnsignedInt", "valuePositiveInt")
_REQUIRED = {
    "add": {"path", "name", "value"},
    "insert": {"path", "index", "value"},
    "delete": {"path"},
    "replace": {"path", "value"},
    "move": {"path", "source", "destination"},
}


@dataclass(frozen=True, slots=True)
class _Operation:
    """One well-formed operation; `place` is where it stands in the Parameters."""

    place: str
    type: str
    path: Node
    name: str = ""
    value: Part = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)


def fhirpath_patch(resource: Resource, parameters: object, definitions: Definitions, *, limit: int = 1_000) -> Resource:
    """Return the resource after all operations; the given one stays as it is.

    Elements that a delete leaves without content go too: FHIR has no empty elements.

    Errors: Invalid for Parameters that are no patch, TooCostly for more than `limit` operations, Unprocessable for the
            first operation that does not apply; each names its place, "Parameters.parameter[2]"
    """
    try:
        operations = _operations(parameters, limit)
        patched: Resource = copied(resource)
        locator = Locator(definitions)
        for operation in operations:
            _apply(locator, root(patched), operation)
    except RecursionError:
        raise Invalid(Issue("structure", "the patch or the resource nests too deep")) from None
    return patched


def _operations(parameters: object, limit: int) -> list[_Operation]:
    listed = parameters.get("parameter", []) if isinstance(parameters, dict) else None
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters" or type(listed) is not list:
        raise Invalid(Issue("structure", "a FHIRPath Patch is a Parameters resource"))
    if len(listed) > limit:
        raise TooCostly(f"the patch has more than {limit} operations")
    return [_operation(item, f"Parameters.parameter[{index}]") for index, item in enumerate(listed)]


def _operation(item: object, place: str) -> _Operation:
    if not isinstance(item, dict) or item.get("name") != "operation" or not isinstance(item.get("part"), list):
        raise _malformed(place, "each parameter must have the name 'operation' and parts")
    parts = _by_name(item["part"], place)
    type_ = _text(parts, "type", place)
    required = _REQUIRED.get(type_)
    if required is None:
        raise _malformed(place, f"the type must be one of {', '.join(_REQUIRED)}")
    if missing := required - parts.keys():
        raise _malformed(place, f"{type_} needs the part {' and '.join(sorted(missing))}")
    if spare := parts.keys() - required - {"type"}:
        raise _malformed(place, f"{type_} has no part {' and '.join(sorted(spare))}")
    return _Operation(
        place,
        type_,
        _path(parts, place),
        name=_text(parts, "name", place) if "name" in required else "",
        value=parts.get("value", {}),
        numbers={name: _number(parts[name], name, place) for name in _NUMBERS if name in required},
    )


def _by_name(parts: list[Any], place: str) -> dict[str, Part]:
    found: dict[str, Part] = {}
    for part in parts:
        name = part.get("name") if isinstance(part, dict) else None
        if name not in (*_TEXTS, *_NUMBERS, "value"):
            raise _malformed(place, "an operation has the parts type, path, name, value, index, source, destination")
        if name in found:
            raise _malformed(place, f"the part {name} stands twice")
        found[name] = part
    return found


def _text(parts: Mapping[str, Part], name: str, place: str) -> str:
    part = parts.get(name, {})
    values = [part[key] for key in _TEXTS[name] if key in part]
    if len(values) != 1 or not isinstance(values[0], str) or not values[0]:
        raise _malformed(place, f"the part {name} must have a {_TEXTS[name][0]}")
    return values[0]


def _number(part: Part, name: str, place: str) -> int:
    values = [part[key] for key in _INTEGERS if key in part]
    if len(values) != 1 or type(values[0]) is not int or values[0] < 0:
        raise _malformed(place, f"the part {name} must have a valueInteger from 0 on")
    return values[0]


def _path(parts: Mapping[str, Part], place: str) -> Node:
    try:
        return parse(_text(parts, "path", place))
    except FhirPathError as error:
        raise _malformed(place, f"the path is no FHIRPath expression: {error}") from None


def _malformed(place: str, text: str) -> Invalid:
    return Invalid(Issue("invalid", text, expression=place))


def _apply(locator: Locator, start: Location, operation: _Operation) -> None:
    try:
        _APPLY[operation.type](locator, start, operation)
    except (PathError, Unfit) as error:
        text = f"{operation.type}: {error}"
        raise Unprocessable(Issue("processing", text, expression=operation.place)) from None


def _add(locator: Locator, start: Location, operation: _Operation) -> None:
    target = _only(locator.locate(operation.path, start))
    element = locator.element(target.type, operation.name)
    built = build(operation.value, element, locator)
    append(_opened(locator, target), element, built)


def _insert(locator: Locator, start: Location, operation: _Operation) -> None:
    target, element = _array(locator, start, operation.path)
    owner = _opened(locator, target)
    built = build(operation.value, element, locator)
    elements, index = pairs(owner, built.key), operation.numbers["index"]
    if index > len(elements):
        raise Unfit("the index lies beyond the end of the list")
    store(owner, built.key, [*elements[:index], built.pair, *elements[index:]])


def _delete(locator: Locator, start: Location, operation: _Operation) -> None:
    found = locator.locate(operation.path, start)
    if found:
        target = _only(found)
        if target.parent is None:
            raise Unfit("the path must point to an element of the resource")
        _take_away(target)


def _replace(locator: Locator, start: Location, operation: _Operation) -> None:
    target = _only(locator.locate(operation.path, start))
    if target.parent is None:
        raise Unfit("the path must point to an element of the resource")
    built = build(operation.value, locator.element(target.parent.type, target.key), locator)
    if built.key != target.key:
        store_one(target.owner, target.key, (None, None))
        store_one(target.owner, built.key, built.pair)
    else:
        _put(target, built.pair)


def _move(locator: Locator, start: Location, operation: _Operation) -> None:
    target, element = _array(locator, start, operation.path)
    owner, key = _opened(locator, target), element.name
    elements = pairs(owner, key)
    source, destination = operation.numbers["source"], operation.numbers["destination"]
    if max(source, destination) >= len(elements):
        raise Unfit("source and destination must lie within the list")
    elements.insert(destination, elements.pop(source))
    store(owner, key, elements)


def _only(found: list[Location]) -> Location:
    if len(found) != 1:
        raise Unfit(f"the path must point to one element; it points to {len(found) or 'none'}")
    return found[0]


def _array(locator: Locator, start: Location, path: Node) -> tuple[Location, Element]:
    """Return the place of the object that holds the list of a path, which may be empty as yet, and its element."""
    if not isinstance(path, Member):
        raise Unfit("the path must end with the name of a list")
    target = start if path.source is None else _only(locator.locate(path.source, start))
    element = locator.element(target.type, path.name)
    if not element.is_array:
        raise Unfit("the path must point to an element that repeats")
    return target, element


def _opened(locator: Locator, target: Location) -> Resource:
    """Return the object for the children of an element; a primitive gets one with its first extension."""
    owner = locator.children(target)
    if owner is not None:
        return owner
    if not locator.is_primitive(target.type):
        raise Unfit("the element cannot have children")
    opened: Resource = {}
    _put(target, (target.pair[0], opened))
    return opened


def _put(target: Location, pair: tuple[Any, Any]) -> None:
    if target.index is None:
        store_one(target.owner, target.key, pair)
    else:
        elements = pairs(target.owner, target.key)
        elements[target.index] = pair
        store(target.owner, target.key, elements)


def _take_away(target: Location) -> None:
    """Delete an element, and then each element around it that has nothing left."""
    if target.index is None:
        store_one(target.owner, target.key, (None, None))
    else:
        elements = pairs(target.owner, target.key)
        del elements[target.index]
        store(target.owner, target.key, elements)
    around = target.parent
    if around is None or around.parent is None or target.owner:
        return
    value, _ = around.pair
    if value is None or value is target.owner:
        _take_away(around)
    else:
        # The owner held the extensions of a primitive, which has a value still.
        _put(around, (value, None))


_APPLY: Mapping[str, Callable[[Locator, Location, _Operation], None]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}
