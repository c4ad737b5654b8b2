"""NM, SN, CQ, MO, CP, NR, NA and units become Quantity, Range, Ratio, Money and SampledData.

Numbers are Decimal: every digit that was sent stays.
Spec: https://hl7.org/fhir/R4/datatypes.html#quantity
"""

import re
from decimal import Decimal
from typing import Any

from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import NULL, Segment
from hl7_bridge.mapping.context import Context, Text
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?\Z|[+-]?\.\d{1,30}\Z")


def number(text: str) -> Decimal:
    """Return the number that an NM writes.

    Errors: BadValue when it is none
    """
    text = text.strip()
    if not NUMBER.match(text):
        raise BadValue("is not a number")
    return Decimal(text.removesuffix("."))


def decimal(field: Text, _context: Context, _table: Table | None) -> Decimal | None:
    """Return the decimal of an NM, or None when it holds none: then the field counts as not mapped."""
    return number_or_none(field.value(1).strip())


def number_or_none(text: str) -> Decimal | None:
    return number(text) if NUMBER.match(text) else None


WHOLE = re.compile(r"[0-9]{1,9}\Z")


def counted(text: str) -> int | None:
    """Return the whole number of a text, None for one that is none, or has more than nine digits."""
    return int(text) if WHOLE.match(text.strip()) else None


def integer(field: Text, context: Context, table: Table | None) -> int | None:
    """Return the whole number of an NM or SI, or None when it holds none of 32 bits."""
    found = decimal(field, context, table)
    return int(found) if found is not None and found == found.to_integral_value() and abs(found) < 2**31 else None


POWER = re.compile(r"[xX*]?\s?10\Z")
EXPONENT = re.compile(r"[+-]?\d{1,2}(\D|\Z)")


def unit(field: Text, _context: Context, start: int = 1) -> Element:
    """Return unit, system and code of a Quantity from the components of a CWE that begins at `start`.

    Only what is said to be UCUM (or ISO+, whose codes UCUM took over where they agree) gets its system; the unit
    that people read is always kept.
    """
    code, name, system = (field.value(start + offset).strip() for offset in range(3))
    if POWER.match(code) and EXPONENT.match(name):
        # "x10^3/uL", sent without escaping its "^": half of it would be another unit.
        return {"unit": f"{code}^{name}"}
    second, third = field.value(start + 3).strip(), field.value(start + 5).strip()
    if not code and not name:
        return {}
    if system.upper() == "UCUM" or system == UCUM:
        return {"unit": name or code, "system": UCUM, "code": code} if code else {"unit": name}
    if third.upper() == "UCUM" and second:
        return {"unit": name or code, "system": UCUM, "code": second}
    return {"unit": code or name}


def unit_of(segment: Segment, number: int, context: Context) -> Element:
    """Return unit, system and code that a units field (CWE, OBX-6) adds to a Quantity; nothing when it is absent."""
    text = segment.raw(number)
    if not text or text == NULL:
        return {}
    memory = context.sender_memory
    known = memory.get((unit, text))
    if known is None:
        known = memory[unit, text] = unit(segment.field(number), context)
    return known


def quantity(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return the Quantity of a CQ or NM: number, then its unit."""
    value = number_or_none(field.value(1).strip())
    if value is None:
        return None
    found: Element = {"value": value}
    sub = [field.value(2, part).strip() for part in (1, 2, 3)]
    if any(sub[1:]):
        found.update(unit(Parts(*sub), context))
    else:
        found.update(unit(field, context, 2))
    return found


class Parts:
    """Texts that are read as the components of a field."""

    __slots__ = ("_texts",)

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def value(self, component: int = 1, subcomponent: int = 1) -> str:
        return self._texts[component - 1] if component <= len(self._texts) and subcomponent == 1 else ""

    @property
    def text(self) -> str:
        return self._texts[0]


COMPARATORS = {"<", "<=", ">", ">="}


def structured(field: Text, units: Element) -> Element | None:
    """Return what an SN means, under the name of the choice: valueQuantity, valueRange, valueRatio or valueString.

    Shape:  "^10^-^20" -> {"valueRange": {"low": …, "high": …}}; "^1^:^128" -> {"valueRatio": …}
    Errors: BadValue when a number is none
    """
    sign, first, separator, second = (field.value(part).strip() for part in (1, 2, 3, 4))
    if not (first or second):
        return {"valueString": sign} if sign else None
    if separator == "-" and first and second:
        return {"valueRange": {"low": {"value": number(first), **units}, "high": {"value": number(second), **units}}}
    if separator in (":", "/") and first and second:
        return {
            "valueRatio": {"numerator": {"value": number(first), **units}, "denominator": {"value": number(second)}}
        }
    if separator == "+":
        return {"valueString": " ".join(part for part in (sign, first + "+", second) if part)}
    found: Element = {"value": number(first or second)}
    if sign in COMPARATORS:
        found["comparator"] = sign
    elif sign not in ("", "="):
        return {
            "valueString": " ".join(part for part in (sign, first, separator, second, units.get("unit", "")) if part)
        }
    return {"valueQuantity": {**found, **units}}


def numeric_range(field: Text, units: Element) -> Element | None:
    """Return the Range of an NR.

    Errors: BadValue when a number is none
    """
    low, high = field.value(1).strip(), field.value(2).strip()
    found = {name: {"value": number(text), **units} for name, text in (("low", low), ("high", high)) if text}
    return found or None


def money(field: Text, _context: Context, _table: Table | None) -> Element | None:
    """Return the Money of an MO or CP: amount and currency, from components or from a CP's first component."""
    amount = field.value(1, 1).strip()
    if not amount:
        return None
    currency = (field.value(1, 2) or field.value(2)).strip().upper()
    found: Element = {"value": number(amount)}
    return {**found, "currency": currency} if len(currency) == 3 and currency.isalpha() else found


def sampled_data(values: list[str], units: Element) -> Element | None:
    """Return the SampledData of an NA's values, at unit intervals; gaps are written as FHIR writes them ("E")."""
    if not values:
        return None
    for text in values:
        if text:
            number(text)
    return {
        "origin": {"value": Decimal(0), **units},
        "period": Decimal(1),
        "dimensions": 1,
        "data": " ".join(text.strip() or "E" for text in values),
    }
