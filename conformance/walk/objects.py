"""One JSON object against the shape of its type: known properties, cardinality, exclusive choices.

Spec: https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/formats.html#choice
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.definitions import Element
from conformance.walk.primitives import Primitive
from conformance.walk.problems import Problem, error, invariant, shown, within

JsonObject = dict[str, Any]
# value, the object that has it as a property, depth of its JSON nesting -> problems relative to the value
Check = Callable[[object, JsonObject, int], list[Problem] | None]
Rule = Callable[[JsonObject], list[Problem] | None]

# MongoDB stores about 100 levels; the document around the resource takes a few of them.
MAX_DEPTH = 90
# No type has as many properties (ElementDefinition has 400): no need to look at each.
TOO_MANY = 1_000


@dataclass(slots=True)
class Shape:
    """What a type's JSON object may and must hold; filled while the type is compiled, then only read.

    Shape: `primitives`, `accepts` (of the same properties) and `parts` by JSON property; `places` the path of each
           property as FHIRPath sees it; `rules` judge the object as a whole
    """

    name: str
    is_resource: bool
    rules: list[Rule] = field(default_factory=list)
    primitives: dict[str, Primitive] = field(default_factory=dict)
    accepts: dict[str, Callable[[object], bool]] = field(default_factory=dict)
    parts: dict[str, Check] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def add_primitive(self, name: str, primitive: Primitive) -> None:
        """Note a property that holds one primitive value."""
        self.primitives[name] = primitive
        self.accepts[name] = primitive.accepts


def object_check(shape: Shape) -> Check:
    """Return the check of one type's JSON objects; `shape` may still be filled afterwards."""
    accepts, parts, rules = shape.accepts, shape.parts, shape.rules

    def check(value: object, _: JsonObject, depth: int) -> list[Problem] | None:
        if type(value) is not dict or not 0 < len(value) < TOO_MANY or depth > MAX_DEPTH:
            return [_not_walkable(value, depth)]
        found: list[Problem] = []
        for name, item in value.items():
            if name in accepts:
                if accepts[name](item):
                    continue
                found.extend(within(shape.places[name], [shape.primitives[name].refusal(item)]))
            elif name in parts:
                if not (problems := parts[name](item, value, depth + 1)):
                    continue
                found.extend(within(shape.places[name], problems))
            else:
                found.append(_unknown(shape, name))
        if len(value) == 1 and "id" in value:
            found.extend(_only_an_id(shape))
        for rule in rules:
            found.extend(rule(value) or ())
        return found

    return check


def required_rule(shape: Shape, names: frozenset[str]) -> Rule:
    """Return the rule that an object has all of these properties, or their underscore twins."""

    def rule(value: JsonObject) -> list[Problem] | None:
        if names <= value.keys():
            return None
        # A primitive is there too when only its extensions are: {"_status": {"extension": [...]}}.
        absent = [name for name in sorted(names) if name not in value and "_" + name not in value]
        return [error("required", f"{shape.name}.{name} is required", shape.places[name]) for name in absent]

    return rule


def choice_rule(shape: Shape, choices: Mapping[str, Element]) -> Rule:
    """Return the rule that an object has at most one value for each choice, and one where the choice is required.

    Shape: `choices` are the choice elements by JSON property, underscore twins included
    """
    required = frozenset(element.name for element in choices.values() if element.min)
    chosen_by = {name: element.name for name, element in choices.items()}

    def rule(value: JsonObject) -> list[Problem] | None:
        chosen = [chosen_by[name] for name in value if name in chosen_by]
        if len(chosen) < 2 and not required:
            return None
        problems = [
            error("required", f"{shape.name}.{name} is required", "." + name.removesuffix("[x]"))
            for name in sorted(required.difference(chosen))
        ]
        for name in sorted({name for name in chosen if chosen.count(name) > 1}):
            types = {key.removeprefix("_") for key in value if chosen_by.get(key) == name}
            if len(types) > 1:
                text = f"{shape.name}.{name} has more than one value: {', '.join(sorted(types))}"
                problems.append(error("structure", text, "." + name.removesuffix("[x]")))
        return problems

    return rule


def _not_walkable(value: object, depth: int) -> Problem:
    if type(value) is not dict:
        return error("structure", "expected a JSON object")
    if not value:
        return error("structure", "an object must not be empty")
    if len(value) >= TOO_MANY:
        return error("structure", f"an object must not have {TOO_MANY} properties or more")
    return error("structure", f"nested deeper than {MAX_DEPTH} levels (found level {depth})")


def _unknown(shape: Shape, name: object) -> Problem:
    return error("structure", f"{shape.name} has no property {shown(name, 'of that name')}")


def _only_an_id(shape: Shape) -> list[Problem]:
    return [] if shape.is_resource else [invariant("ele-1", "an element must have a value or children")]
