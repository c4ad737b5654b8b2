"""JSON arrays, and the underscore twins that carry the id and the extensions of primitive values.

Spec: https://hl7.org/fhir/R4/json.html#primitive (nulls align the two arrays of a repeating primitive)
"""

from conformance.walk.objects import Check, JsonObject
from conformance.walk.primitives import Primitive, is_string
from conformance.walk.problems import Problem, error, within

# Beyond this many problems in one array its rest is not looked at: a limit of memory, not of the report.
_ENOUGH = 10_000
_UNREAD = error("too-costly", "too many problems to look at the rest")
_NOT_AN_ARRAY = "expected a JSON array with at least one item"


def array_of(check: Check) -> Check:
    """Return the check of a property that holds an array of objects."""

    def check_array(value: object, owner: JsonObject, depth: int) -> list[Problem] | None:
        if type(value) is not list or not value:
            return [error("structure", _NOT_AN_ARRAY)]
        found: list[Problem] = []
        for index, item in enumerate(value):
            if problems := check(item, owner, depth + 1):
                found.extend(within(f"[{index}]", problems))
                if len(found) > _ENOUGH:
                    return [*found, _UNREAD]
        return found

    return check_array


def primitive_array(primitive: Primitive, twin_name: str) -> Check:
    """Return the check of a property that holds an array of primitive values, null where only the twin has an item."""
    accepts = primitive.accepts

    def check_primitives(value: object, owner: JsonObject, _: int) -> list[Problem] | None:
        if type(value) is not list or not value:
            return [error("structure", _NOT_AN_ARRAY)]
        found: list[Problem] = []
        for index, item in enumerate(value):
            if not accepts(item):
                is_aligned = item is None and _item(owner.get(twin_name), index) is not None
                found.extend(() if is_aligned else within(f"[{index}]", [_refusal(primitive, item)]))
                if len(found) > _ENOUGH:
                    return [*found, _UNREAD]
        return found

    return check_primitives


def twin(check: Check, name: str) -> Check:
    """Return the check of the underscore twin of a property with one primitive value."""

    def check_twin(value: object, owner: JsonObject, depth: int) -> list[Problem] | None:
        return None if name in owner and _is_only_an_id(value) else check(value, owner, depth)

    return check_twin


def twin_array(check: Check, name: str) -> Check:
    """Return the check of the underscore twin of a property with an array of primitive values."""

    def check_twins(value: object, owner: JsonObject, depth: int) -> list[Problem] | None:
        if type(value) is not list or not value:
            return [error("structure", _NOT_AN_ARRAY)]
        values = owner.get(name)
        found: list[Problem] = []
        for index, item in enumerate(value):
            has_value = _item(values, index) is not None
            if has_value and (item is None or _is_only_an_id(item)):
                continue
            problems = [_NOTHING] if item is None else check(item, owner, depth + 1)
            found.extend(within(f"[{index}]", problems or ()))
            if len(found) > _ENOUGH:
                return [*found, _UNREAD]
        return found

    return check_twins


_NOTHING = error("structure", "null stands where neither array has a value")


def _refusal(primitive: Primitive, item: object) -> Problem:
    return _NOTHING if item is None else primitive.refusal(item)


def _is_only_an_id(value: object) -> bool:
    # Beside a value an id alone is something; only an element without value and children breaks ele-1.
    return type(value) is dict and value.keys() == {"id"} and is_string(value["id"])


def _item(values: object, index: int) -> object:
    return values[index] if type(values) is list and index < len(values) else None
