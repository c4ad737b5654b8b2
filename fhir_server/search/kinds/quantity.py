"""quantity: a number with its unit, compared in that unit or, for UCUM units, in any of the same dimension.

Stored: {low, high, system, code, unit, canonical: {low, high, unit}}; `canonical` is the value in UCUM's base units,
for other units the same value again.
Spec: https://hl7.org/fhir/R4/search.html#quantity
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from conformance.paths import Typed
from fhir_server.kernel.fhir_text import fold
from fhir_server.kernel.query import Filter
from fhir_server.search import ucum
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds.kind import Kind, bad_value, by_prefix, within
from fhir_server.search.kinds.number import Bounds, compared, parse, range_bounds, stored
from fhir_server.search.syntax import split, unescape

UCUM = "http://unitsofmeasure.org"
CURRENCIES = "urn:iso:std:iso:4217"


def _quantities(values: Sequence[Typed], _zone: tzinfo) -> list[dict[str, Any]]:
    return [found for value, fhir_type in values if (found := _quantity(value, fhir_type)) is not None]


def _quantity(value: Mapping[str, Any], fhir_type: str) -> dict[str, Any] | None:
    match fhir_type:
        case "Range":
            bounds, unit = range_bounds(value), value.get("low") or value.get("high") or {}
        case "SampledData":
            bounds, unit = _sampled(value), value["origin"]
        case "Money":
            bounds, unit = _exact(value), {"system": CURRENCIES, "code": value.get("currency")}
        case _:
            bounds, unit = _exact(value), value
    return None if bounds is None else _with_unit(bounds, unit)


def _exact(value: Mapping[str, Any]) -> Bounds | None:
    """Return the limits of a quantity; with a comparator only one side is known."""
    number = value.get("value")
    if number is None:
        return None
    comparator = value.get("comparator", "")
    return None if "<" in comparator else number, None if ">" in comparator else number


def _sampled(value: Mapping[str, Any]) -> Bounds | None:
    """Return the least and greatest of the samples; E, U, L and whatever else is no number do not count."""
    origin, factor = value["origin"].get("value"), Decimal(value.get("factor", 1))
    samples = [Decimal(sample) for sample in value.get("data", "").split() if _is_number(sample)]
    if origin is None or not samples:
        return None
    ends = [Decimal(origin) + sample * factor for sample in (min(samples), max(samples))]
    return min(ends), max(ends)


_is_number = re.compile(r"-?\d{0,30}\.?\d{1,30}", re.ASCII).fullmatch


def _with_unit(bounds: Bounds, unit: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = stored(bounds)
    system, code, text = unit.get("system"), unit.get("code"), unit.get("unit")
    found |= {name: part for name, part in (("system", system), ("code", code)) if part is not None}
    if text is not None and text != code:
        found["unit"] = fold(text)
    converted = ucum.canonical(code) if system == UCUM and code is not None else None
    if converted is None:
        found["canonical"] = {"low": found["low"], "high": found["high"], "unit": f"{system or ''}|{code or ''}"}
        return found
    low, high = (None if end is None else converted.apply(Decimal(end)) for end in bounds)
    found["canonical"] = {**stored((low, high)), "unit": converted.unit}
    return found


def _condition(text: str, _modifier: str | None, where: Field, _context: Context) -> Filter:
    match [unescape(part) for part in split(text, "|")]:
        case [number] | [number, "", ""]:
            return within(where, compared(*parse(number)))
        case [number, "", code]:
            return within(where, {**_all(compared(*parse(number))), "$or": [{"code": code}, {"unit": fold(code)}]})
        case [number, system, code] if code:
            return _in_unit(number, system, code, where)
        case [number, system, ""]:
            return within(where, {**compared(*parse(number)), "system": system})
        case _:
            raise bad_value("a quantity is number, number|system|code or number||code")


def _all(condition: Filter) -> Filter:
    """Return a condition whose top level has no $or, so that another can stand beside it."""
    return {"$and": [condition]} if "$or" in condition else condition


def _in_unit(number: str, system: str, code: str, where: Field) -> Filter:
    prefix, digits = parse(number)
    converted = ucum.canonical(code) if system == UCUM else None
    if converted is None:
        return within(where, {**compared(prefix, digits), "system": system, "code": code})
    condition = compared(prefix, digits, converted.factor, converted.offset)
    return within(where, _canonical({**condition, "unit": converted.unit}))


def _canonical(condition: Filter) -> Filter:
    """Return the same condition on the members of `canonical`."""
    return {
        name if name.startswith("$") else f"canonical.{name}": (
            [_canonical(part) for part in value] if name.startswith("$") else value
        )
        for name, value in condition.items()
    }


def ordered_by(where: Field, compared: Collection[str]) -> str | None:
    """Return the stored number by which an index can order hits under some conditions, None when it cannot.

    With a UCUM unit the canonical number is compared, without one the number as it was sent.
    """
    for part in (".canonical", ""):
        if not {f"{where.path}{part}.low", f"{where.path}{part}.high"}.isdisjoint(compared):
            return f"{where.path}{part}.high"
    return None


KIND = Kind(extract={"": _quantities}, condition=_condition, comparisons=by_prefix(_condition))
