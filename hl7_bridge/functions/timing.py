"""When something is to be done: TQ, TQ1 and RPT become Timing, Period or dateTime; durations and their units.

Spec: https://hl7.org/fhir/R4/datatypes.html#timing
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes.quantities import UCUM, counted, number
from hl7_bridge.datatypes.times import BadValue, date_time, time_of_day
from hl7_bridge.er7 import NULL, Field, Segment
from hl7_bridge.functions.reading import reading
from hl7_bridge.mapping.context import Context
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.mapping.functions import moment

Element = dict[str, Any]

ABBREVIATIONS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
REPEAT_PATTERNS = "http://terminology.hl7.org/CodeSystem/v2-0335"

UNITS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("S", "SEC", "SECS", "SECOND", "SECONDS"), "s"),
        **dict.fromkeys(("MIN", "MINS", "MINUTE", "MINUTES", "M"), "min"),
        **dict.fromkeys(("H", "HR", "HRS", "HOUR", "HOURS"), "h"),
        **dict.fromkeys(("D", "DAY", "DAYS"), "d"),
        **dict.fromkeys(("W", "WK", "WEEK", "WEEKS"), "wk"),
        **dict.fromkeys(("MO", "MON", "MONTH", "MONTHS", "L"), "mo"),
        **dict.fromkeys(("A", "ANN", "Y", "YR", "YEAR", "YEARS"), "a"),
    }
)
"""Units of time as UCUM, ISO+ and plain words write them -> the UCUM codes of Timing."""

SECONDS: Mapping[str, int] = MappingProxyType({"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800})

DAILY: Mapping[str, int] = MappingProxyType({"QD": 1, "BID": 2, "TID": 3, "QID": 4, "QAM": 1, "QPM": 1, "QHS": 1})
"""Codes of table 0335 that say how often a day."""
KNOWN_ABBREVIATIONS = frozenset({"AM", "BID", "PM", "QD", "QID", "QOD", "TID", "Q4H", "Q6H"})
EVERY = re.compile(r"Q(\d{1,3})([SMHDWL])\Z")
SPACED = MappingProxyType({"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk", "L": "mo"})
LENGTH = re.compile(r"([SMHDWL])(\d{1,6})\Z")
WHEN: Mapping[str, str] = MappingProxyType(
    {code: code for code in ("AC", "ACM", "ACD", "ACV", "HS", "PC", "PCM", "PCD", "PCV", "C", "CM", "CD", "CV", "WAKE")}
    | {"IC": "C", "ICM": "CM", "ICD": "CD", "ICV": "CV", "QHS": "HS", "QAM": "MORN", "QPM": "EVE"}
)
"""Events of table 0335 -> http://hl7.org/fhir/event-timing and v3-TimingEvent."""


def unit_of_time(*texts: str) -> str | None:
    """Return the UCUM unit that one of the texts names (code, then its name), or None."""
    return next((UNITS[text.strip().upper()] for text in texts if text.strip().upper() in UNITS), None)


def shifted(start: str, length: Decimal | int, unit: str) -> str | None:
    """Return a dateTime later by an amount of time, with the offset of the first; None when either is too coarse.

    Shape: ("2024-03-05T10:15:00+01:00", 50, "min") -> "2024-03-05T11:05:00+01:00"
    """
    if "T" not in start or unit not in SECONDS:
        return None
    try:
        return (datetime.fromisoformat(start) + timedelta(seconds=float(length * SECONDS[unit]))).isoformat()
    except (OverflowError, ValueError):
        return None


def minutes(length: Decimal, unit: str) -> int | None:
    """Return a length of time in whole minutes, at least one; None for none and for units that are not of time."""
    seconds = length * SECONDS.get(unit, 0)
    return max(1, round(seconds / 60)) if seconds > 0 else None


def amount(segment: Segment, field: int) -> Decimal | None:
    """Return the number in a field, None when it is absent or null.

    Errors: ConversionError naming the field, when it holds something else
    """
    text = segment.value(field)
    try:
        return None if text in ("", NULL) else number(text)
    except BadValue as error:
        raise ConversionError("102", str(error), segment=segment.name, field=field, component=1) from None


def repeat_of(code: str) -> Element:
    """Return what a repeat pattern (table 0335) says of Timing.repeat."""
    code = code.upper()
    if match := EVERY.match(code):
        return {"frequency": 1, "period": int(match[1]), "periodUnit": SPACED[match[2]]}
    if code in DAILY:
        return {"frequency": DAILY[code], "period": 1, "periodUnit": "d"}
    if code == "QOD":
        return {"frequency": 1, "period": 2, "periodUnit": "d"}
    return {"count": 1} if code == "ONCE" else {}


def pattern_code(code: str, text: str = "") -> Element:
    """Return Timing.code of a repeat pattern."""
    system = ABBREVIATIONS if code.upper() in KNOWN_ABBREVIATIONS else REPEAT_PATTERNS
    coding = {"system": system, "code": code.upper() if system == ABBREVIATIONS else code}
    return {"coding": [coding], **({"text": text} if text else {})}


def pattern_timing(field: Field) -> Element:
    """Return the Timing of an RPT: its pattern, its period, the event that it hangs on; {} when it says none.

    Errors: BadValue when a number is none
    """
    code = field.value(1).strip()
    repeat = repeat_of(code)
    unit = unit_of_time(field.value(6), field.value(6, 2))
    if unit and (period := number_at(field, 5)) is not None and period > 0:
        repeat = {**repeat, "frequency": repeat.get("frequency", 1), "period": period, "periodUnit": unit}
    when = WHEN.get(field.value(8).strip().upper()) or WHEN.get(code.upper())
    if when:
        repeat["when"] = [when]
        away = number_at(field, 9)
        if away is not None and (offset := minutes(away, unit_of_time(field.value(10), field.value(10, 2)) or "")):
            repeat["offset"] = offset
    found: Element = {"repeat": repeat} if repeat else {}
    return {**found, "code": pattern_code(code, field.value(1, 2).strip())} if code else found


def number_at(field: Field, component: int) -> Decimal | None:
    """Return the number of a component, None when it is absent.

    Errors: BadValue when it is none
    """
    text = field.value(component).strip()
    try:
        return number(text) if text else None
    except BadValue as error:
        raise BadValue(str(error), component) from None


def length_of(text: str) -> tuple[Decimal, str] | None:
    """Return the amount and unit of a TQ's duration ("M30": thirty minutes), or None."""
    match = LENGTH.match(text.strip().upper())
    return (Decimal(match[2]), SPACED[match[1]]) if match else None


def quantity_timing(field: Field, context: Context) -> tuple[Element, Element]:
    """Return the Timing of a TQ, and start and end of it.

    Errors: BadValue when a time or number is none
    """
    timing = {"code": pattern_code(code)} if (code := field.value(2).strip()) else {}
    repeat = repeat_of(code)
    if at := times_of_day(field.value(2, 2)):
        repeat["timeOfDay"] = at
    if total := counted(field.value(12)):
        repeat["count"] = total
    bounds = quantity_bounds(field, context)
    length = length_of(field.value(3))
    if length and "start" in bounds and "end" not in bounds and (end := shifted(bounds["start"], *length)):
        bounds["end"] = end
    if repeat:
        timing["repeat"] = repeat
    return timing, bounds


def times_of_day(text: str) -> list[str]:
    """Return the times of a TQ's explicit interval ("0800,2000"); none when it is written in another way."""
    try:
        return [time for one in text.split(",") if (time := time_of_day(one))]
    except BadValue:
        return []


def segment_timing(segment: Segment, context: Context) -> tuple[Element, Element]:
    """Return the Timing of a TQ1, and start and end of it.

    Errors: ConversionError naming the field that is not readable
    """
    with reading(segment, 3):
        timing = pattern_timing(segment.field(3))
    repeat = dict(timing.get("repeat", {}))
    with reading(segment, 4):
        at = [time for one in segment.repetitions(4) if (time := time_of_day(one.value(1)))]
    if at:
        repeat["timeOfDay"] = at
    total = amount(segment, 14)
    if total is not None and total > 0 and total == total.to_integral_value():
        repeat["count"] = int(total)
    length = duration(segment, 13)
    if length:
        repeat["duration"], repeat["durationUnit"] = length
    bounds = bounds_of(segment, 7, 8, context)
    service = duration(segment, 6)
    if service and "start" in bounds and "end" not in bounds and (end := shifted(bounds["start"], *service)):
        bounds["end"] = end
    elif service and not bounds and repeat:
        repeat["boundsDuration"] = {"value": service[0], "unit": service[1], "system": UCUM, "code": service[1]}
    return ({**timing, "repeat": repeat} if repeat else timing), bounds


def duration(segment: Segment, number: int) -> tuple[Decimal, str] | None:
    """Return amount and unit of a field (CQ) that is a length of time, or None.

    Errors: ConversionError naming the field, when the amount is no number
    """
    field = segment.field(number)
    unit = unit_of_time(field.value(2), field.value(2, 2), field.value(3))
    length = amount(segment, number) if unit else None
    return (length, unit) if unit and length is not None and length > 0 else None


def bounds_of(segment: Segment, start: int, end: int, context: Context) -> Element:
    """Return start and end from two fields, as many as are there.

    Errors: ConversionError naming the field that holds no time
    """
    found = {"start": moment(segment, start, context), "end": moment(segment, end, context)}
    return {name: one for name, one in found.items() if one}


def quantity_bounds(field: Field, context: Context) -> Element:
    """Return start and end of a TQ, as many as are there.

    Errors: BadValue naming the component that is no time
    """
    found: Element = {}
    for component, name in ((4, "start"), (5, "end")):
        text = field.value(component)
        try:
            if text != NULL and (one := date_time(text, context.zone)):
                found[name] = one
        except BadValue as error:
            raise BadValue(str(error), component) from None
    return found


def occurrence(timing: Element, bounds: Element) -> Element:
    """Return the form of occurrence[x] that says all of it: a Timing, a Period or a dateTime; {} when nothing is known.

    Shape: {"occurrenceTiming": ...}, {"occurrencePeriod": {"start", "end"}} or {"occurrenceDateTime": ...}
    """
    if set(timing.get("repeat", ())) - {"count"} or ("code" in timing and "ONCE" not in str(timing["code"]).upper()):
        if bounds:
            timing = {**timing, "repeat": {**timing.get("repeat", {}), "boundsPeriod": bounds}}
        return {"occurrenceTiming": timing}
    if "end" in bounds:
        return {"occurrencePeriod": bounds}
    return {"occurrenceDateTime": bounds["start"]} if bounds else {}
