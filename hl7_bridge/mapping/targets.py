"""Where a rule puts its value: `birthDate`, `name*`, `participant*.individual`, `reaction.0.severity`.

A star appends an item for each value, a number is the item of a list. Nothing that was put before is changed in
place: values may be shared between resources.
Spec: https://hl7.org/fhir/R4/json.html
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from hl7_bridge.mapping.context import Resource
from hl7_bridge.mapping.errors import MapError

Put = Callable[[Resource, Any], None]

TARGET = re.compile(r"_?[a-z][A-Za-z0-9]*\*?(\.(_?[a-z][A-Za-z0-9]*\*?|\d))*\Z")
Step = tuple[str, int | None]
"""A property, and the item of its list: -1 for a new one, None when it is no list."""


def compile_target(text: Any, fixed: Mapping[str, Any] | None, where: str) -> Put:
    """Return the function that puts a value at a path of a resource; `fixed` are elements of the same object.

    Shape:  "participant*.individual" with {"type": [...]} appends {"type": [...], "individual": value};
            "eventCoding.code" with {"system": ...} puts both into eventCoding
    Errors: MapError when the text is no path
    """
    steps = steps_of(text, where)
    if len(steps) == 1 and not fixed:
        return put_simple(*steps[0])
    return lambda resource, value: put_at(resource, steps, value, fixed or {})


def removed(target: str, fixed: Mapping[str, Any] | None) -> str:
    """Return what goes when the sender deletes what a rule has put there.

    Shape: "birthDate"; of a list that is filled item by item those that have the rule's fixed elements:
           'participant?{"type": [...]}'
    """
    first, *_ = target.split(".")
    if first.endswith("*") and fixed:
        return f"{first[:-1]}?{json.dumps(fixed)}"
    return re.sub(r"\*|\.\d", "", target)


def steps_of(text: Any, where: str) -> list[Step]:
    if not isinstance(text, str) or not TARGET.match(text):
        raise MapError(where, f"{text!r} is no path; write birthDate, name*, contact.0.name or participant*.individual")
    steps: list[Step] = []
    for part in text.split("."):
        if part.isdigit():
            steps[-1] = (steps[-1][0], int(part))
        else:
            steps.append((part.rstrip("*"), -1 if part.endswith("*") else None))
    return steps


def put_simple(name: str, item: int | None) -> Put:
    def put_one(resource: Resource, value: Any) -> None:
        resource[name] = value

    def put_new(resource: Resource, value: Any) -> None:
        resource[name] = [*resource[name], value] if name in resource else [value]

    if item is None:
        return put_one
    if item == -1:
        return put_new
    return lambda resource, value: put_at(resource, [(name, item)], value, {})


def put_at(node: Resource, steps: list[Step], value: Any, fixed: Mapping[str, Any]) -> None:
    """Put a value below an object that is this conversion's own; what lies deeper is copied.

    `fixed` begin the new item of a list, or else stand beside the value.
    """
    (name, item), rest = steps[0], steps[1:]
    if item == -1:
        node[name] = [*node.get(name, ()), beneath(dict(fixed), rest, value, {})]
        return
    if len(steps) == 1:
        node.update(fixed)
    if item is None:
        node[name] = beneath(node.get(name), rest, value, fixed) if rest else value
        return
    items = list(node.get(name, ()))
    if item >= len(items):
        items.append(beneath(None, rest, value, fixed))
    else:
        items[item] = beneath(items[item], rest, value, fixed)
    node[name] = items


def beneath(known: Any, rest: list[Step], value: Any, fixed: Mapping[str, Any]) -> Any:
    if not rest:
        return {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    node = dict(known) if isinstance(known, dict) else {}
    put_at(node, rest, value, fixed)
    return node


def has_target(resource: Resource, text: str) -> bool:
    """Return whether a resource has something at a path (stars and numbers: in any item)."""
    nodes: list[Any] = [resource]
    for part in text.replace("*", "").split("."):
        if part.isdigit():
            continue
        nodes = [node[part] for node in nodes if isinstance(node, dict) and part in node]
        nodes = [one for node in nodes for one in (node if isinstance(node, list) else [node])]
    return bool(nodes)
