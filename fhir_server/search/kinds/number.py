"""number: values compared with the precision that the search value is written in.

Stored: {low, high}, both inclusive and alike for a plain number, as binary floats: two decimals that differ only beyond
the 17th digit are one.
Spec: https://hl7.org/fhir/R4/search.html#number
"""

import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any, TypeAlias, assert_never

from conformance.paths import Typed
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds.kind import Kind, bad_value, by_prefix, within
from fhir_server.search.syntax import Prefix, split_prefix, unescape

Bounds: TypeAlias = tuple[Decimal | None, Decimal | None]
"""The least and the greatest value, None where there is no limit."""

_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INFINITE = float("inf")
_APPROXIMATE = Decimal("0.1")


def parse(text: str) -> tuple[Prefix, str]:
    """Return the prefix and the digits of a search value; raise Invalid when it is no number."""
    prefix, digits = split_prefix(text)
    if digits.startswith(" "):  # URLs turn "+" into a blank
        digits = digits[1:]
    if not _NUMBER.fullmatch(digits):
        raise bad_value("not a number: digits with an optional prefix, sign, fraction and exponent")
    return prefix, digits


def implicit_bounds(digits: str) -> tuple[Decimal, Decimal]:
    """Return the half-open interval that a number means by the digits it is written with.

    Shape: "100" -> [99.5, 100.5), "5.40" -> [5.395, 5.405), "1e2" -> [95, 105): the standard's example reads a mantissa
           without fraction as if it had one digit of it
    """
    value = Decimal(digits)
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    if "." not in digits and "e" in digits.lower():
        exponent -= 1
    half = Decimal((0, (5,), exponent - 1))
    return value - half, value + half


def compared(prefix: Prefix, digits: str, scale: Decimal = Decimal(1), offset: Decimal = Decimal(0)) -> Filter:
    """Return what a prefix asks of stored {low, high}; `scale` and `offset` convert the value to their unit."""

    def at(number: Decimal) -> float:
        return float(number * scale + offset)

    value, (least, limit) = Decimal(digits), implicit_bounds(digits)
    # Of a number with all the digits that a float has, the limit may be the same float: it is then its own limit.
    below, above = ("$lte", "$gt") if at(limit) == at(value) else ("$lt", "$gte")
    match prefix:
        case "eq":
            return {"low": {"$gte": at(least)}, "high": {"$gte": at(least), below: at(limit)}}
        case "ne":
            return {"$or": [{"low": {"$lt": at(least)}}, {"high": {above: at(limit)}}]}
        case "gt" | "ge" | "sa":
            return {"low" if prefix == "sa" else "high": {"$gte" if prefix == "ge" else "$gt": at(value)}}
        case "lt" | "le" | "eb":
            return {"high" if prefix == "eb" else "low": {"$lte" if prefix == "le" else "$lt": at(value)}}
        case "ap":
            reach = abs(value) * _APPROXIMATE
            return {"low": {"$lte": at(value + reach)}, "high": {"$gte": at(value - reach)}}
        case _:
            assert_never(prefix)


def stored(bounds: Bounds) -> dict[str, float]:
    """Return bounds as they are stored."""
    low, high = bounds
    return {"low": -_INFINITE if low is None else float(low), "high": _INFINITE if high is None else float(high)}


def range_bounds(value: Mapping[str, Any]) -> Bounds | None:
    """Return the limits of a Range, None when it has none."""
    low, high = value.get("low", {}).get("value"), value.get("high", {}).get("value")
    if low is None and high is None:
        return None
    return None if low is None else Decimal(low), None if high is None else Decimal(high)


def _numbers(values: Sequence[Typed], _zone: tzinfo) -> list[dict[str, float]]:
    return [stored(found) for value, fhir_type in values if (found := _bounds(value, fhir_type)) is not None]


def _bounds(value: Any, fhir_type: str) -> Bounds | None:
    if fhir_type == "Range":
        return range_bounds(value)
    return (Decimal(value), Decimal(value)) if isinstance(value, int | Decimal) else None


def _condition(text: str, _modifier: str | None, where: Field, _context: Context) -> Filter:
    return within(where, compared(*parse(unescape(text))))


KIND = Kind(extract={"": _numbers}, condition=_condition, comparisons=by_prefix(_condition))
