"""JSON values as trees: an own copy to work on, how large one is, and when two are equal.

Spec: https://www.rfc-editor.org/rfc/rfc8259, https://www.rfc-editor.org/rfc/rfc6902#section-4.6
"""

from decimal import Decimal
from typing import Any


def copied(value: Any) -> Any:
    """Return a copy that shares no object or array with the value."""
    if isinstance(value, dict):
        return {key: copied(child) for key, child in value.items()}
    if isinstance(value, list):
        return [copied(child) for child in value]
    return value


def size(value: Any) -> int:
    """Return about how many characters the JSON text of a value has."""
    if isinstance(value, dict):
        return 2 + sum(len(key) + 4 + size(child) for key, child in value.items())
    if isinstance(value, list):
        return 2 + sum(1 + size(child) for child in value)
    return len(value) + 2 if isinstance(value, str) else 8


def equal(left: Any, right: Any) -> bool:
    """Return whether two JSON values are equal: numbers by value, objects whatever the order of their keys.

    Shape: 1.0 equals 1.00 and 1; true does not equal 1, as it does in Python
    """
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(child, right[key]) for key, child in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
