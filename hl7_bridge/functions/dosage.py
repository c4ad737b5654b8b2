"""How a drug is to be taken: the dosage that RXO or RXE, their timing (TQ1 or TQ) and their route (RXR) describe.

Spec: https://hl7.org/fhir/R4/dosage.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, quantities
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.reading import leave, reading, take
from hl7_bridge.functions.timing import quantity_timing, segment_timing
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

DOSAGE = "MedicationRequest.dosageInstruction"
RATE_TYPE = "http://terminology.hl7.org/CodeSystem/dose-rate-type"
UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Order:
    """The fields of an order's segment that tell the dose; 0 for what it does not tell."""

    low: int
    units: int
    rate: int
    daily: int
    instructions: int
    timing: int = 0


ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "RXO": Order(low=2, units=4, rate=21, daily=23, instructions=7),
        "RXE": Order(low=3, units=5, rate=23, daily=19, instructions=7, timing=1),
    }
)


def complete_dosage(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put dosageInstruction: that of the encoded order (RXE) when there is one, else that of the request (RXO).

    Each TQ1 is a dosage of its own; all have the route, the text and, unless TQ1-2 says another, the dose.
    """
    segment = next((one for name in ("RXE", "RXO") for one in scope.segments if one.name == name), None)
    if segment is None:
        return
    order = ORDERS[segment.name]
    common = {**text_of(segment, order), **route_of(segment, scope, context), **most_a_day(segment, order, context)}
    dose = dose_of(segment, order, context)
    timings = [timed(one, context) for one in following("TQ1", segment, scope)]
    timings = timings or [timed_by_field(segment, order, scope, context)]
    found = [joined(common, dose, timing) for timing in timings]
    if any(found):
        numbered = [{"sequence": number, **one} for number, one in enumerate(found, 1)] if len(found) > 1 else found
        draft.resource["dosageInstruction"] = numbered
    take(context, segment, DOSAGE, *fields_of(order), *((order.rate, order.rate + 1) if "rateQuantity" in dose else ()))


def fields_of(order: Order) -> tuple[int, ...]:
    told = (order.low, order.low + 1, order.units, order.daily, order.instructions)
    return (*told, order.timing) if order.timing else told


def following(name: str, segment: Segment, scope: Scope) -> list[Segment]:
    """Return the segments of a name that stand behind the order's; those in front of it when there is none."""
    every = [one for one in scope.segments if one.name == name]
    return [one for one in every if one.place > segment.place] or every


def joined(common: Element, dose: Element, timing: Element) -> Element:
    """Return the Dosage of one timing: texts are joined, a dose of its own (doseQuantity) wins."""
    own = {name: value for name, value in timing.items() if name == "doseQuantity"}
    said = {name: value for name, value in timing.items() if name not in own}
    if texts := [one["text"] for one in (common, said) if "text" in one]:
        said["text"] = "\n".join(texts)
    rates = {name: value for name, value in dose.items() if not own or name != "doseRange"} | own
    return {**common, **said, **({"doseAndRate": [rates]} if rates else {})}


def text_of(segment: Segment, order: Order) -> Element:
    """Return the administration instructions as text."""
    fields = [one for one in segment.repetitions(order.instructions) if one and not one.is_null]
    lines = [one.value(2).strip() or one.value(9).strip() or one.value(1).strip() for one in fields]
    return {"text": "\n".join(line for line in lines if line)} if any(lines) else {}


def route_of(segment: Segment, scope: Scope, context: Context) -> Element:
    """Return route, site, method and instructions of the RXR that belong to the order."""
    found: Element = {}
    said: list[Element] = []
    for one in following("RXR", segment, scope):
        take(context, one, DOSAGE, 1, 2, 4, 5)
        found |= way(one, context)
        said += how(one, context)
    return {**found, **({"additionalInstruction": said} if said else {})}


def how(segment: Segment, context: Context) -> list[Element]:
    """Return the routing instruction of an RXR (RXR-5)."""
    field = segment.field(5)
    concept = codes.codeable_concept(field, context, None) if field and not field.is_null else None
    return [concept] if concept else []


WAYS = ((1, "route", "0162"), (2, "site", "0163"), (4, "method", "0165"))


def way(segment: Segment, context: Context) -> Element:
    """Return route, site and method of an RXR."""
    tables = context.sender.tables
    coded = {
        element: codes.codeable_concept(field, context, tables.get(table))
        for number, element, table in WAYS
        if (field := segment.field(number)) and not field.is_null
    }
    return {name: value for name, value in coded.items() if value}


def dose_of(segment: Segment, order: Order, context: Context) -> Element:
    """Return dose and rate of the order's segment."""
    units = quantities.unit_of(segment, order.units, context)
    ends = [decimal(segment, number, context) for number in (order.low, order.low + 1)]
    low, high = (None if one is None else {"value": one, **units} for one in ends)
    found: Element = {}
    if low and high and low != high:
        found["doseRange"] = {"low": low, "high": high}
    elif low or high:
        found["doseQuantity"] = low or high
    if (rate := decimal(segment, order.rate, context)) is not None:
        found["rateQuantity"] = {"value": rate, **quantities.unit_of(segment, order.rate + 1, context)}
    if found and segment.name == "RXO":
        found["type"] = {"coding": [{"system": RATE_TYPE, "code": "ordered", "display": "Ordered"}]}
    return found


def most_a_day(segment: Segment, order: Order, context: Context) -> Element:
    """Return the most that may be taken a day."""
    daily = segment.field(order.daily)
    most = quantities.quantity(daily, context, None) if daily and not daily.is_null else None
    if most is None:
        return {}
    return {"maxDosePerPeriod": {"numerator": most, "denominator": DAY}}


DAY: Element = {"value": 1, "unit": "day", "system": UCUM, "code": "d"}


def decimal(segment: Segment, number: int, context: Context) -> Any:
    """Return the number in a field; None for none, also where the sender wrote a word (RXE-23 is a text)."""
    text = segment.value(number).strip()
    return quantities.decimal(segment.field(number), context, None) if quantities.NUMBER.match(text) else None


def timed(segment: Segment, context: Context) -> Element:
    """Return what a TQ1 says: when, how much each time, on which condition, and in which words."""
    leave(context, segment, 1, 12)
    take(context, segment, DOSAGE, 2, 3, 4, 6, 7, 8, 10, 11, 13, 14)
    found = timing_of(*segment_timing(segment, context))
    if segment.field(2) and not segment.field(2).is_null:
        amount = quantities.quantity(segment.field(2), context, None)
        found |= {"doseQuantity": amount} if amount else {}
    if condition := segment.value(10).strip().strip('"'):
        found["asNeededCodeableConcept"] = {"text": condition}
    elif segment.value(3).strip().upper() == "PRN":
        found["asNeededBoolean"] = True
    if text := segment.value(11).strip().strip('"'):
        found["text"] = text
    return found


def timed_by_field(segment: Segment, order: Order, scope: Scope, context: Context) -> Element:
    """Return what the TQ of versions before 2.5 says: RXE-1; ORC-7 for a request, or where only that says how often."""
    common = scope.segment("ORC")
    own = bool(order.timing and segment.field(order.timing))
    often = common is not None and bool(common.value(7, 2).strip()) and not segment.value(order.timing, 2).strip()
    told, number = (segment, order.timing) if own and not often else (common, 7)
    field = told.field(number) if told is not None else None
    if told is None or not field or field.is_null:
        return {}
    take(context, told, DOSAGE, number)
    with reading(told, number):
        found = timing_of(*quantity_timing(field, context))
    if field.value(2).strip().upper().startswith("PRN"):
        found["asNeededBoolean"] = True
    if text := field.value(8).strip():
        found["text"] = text
    return found


def timing_of(timing: Element, bounds: Element) -> Element:
    repeat = {**timing.get("repeat", {}), **({"boundsPeriod": bounds} if bounds else {})}
    whole = {**timing, **({"repeat": repeat} if repeat else {})}
    return {"timing": whole} if whole else {}


def dosage_route(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put RXR as route, site and method of an administration."""
    if found := way(segment, context):
        draft.resource["dosage"] = {**draft.resource.get("dosage", {}), **found}


def dispensed_dosage(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put RXR as route, site, method and instruction of what was dispensed."""
    before = draft.resource.get("dosageInstruction", [{}])
    found = way(segment, context)
    if said := how(segment, context):
        found["additionalInstruction"] = [*before[0].get("additionalInstruction", ()), *said]
    if found:
        draft.resource["dosageInstruction"] = [{**before[0], **found}, *before[1:]]


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "complete_dosage": Function(complete_dosage, (), "dosageInstruction"),
        "dosage_route": Function(dosage_route, (1, 2, 4), "dosage"),
        "dispensed_dosage": Function(dispensed_dosage, (1, 2, 4, 5), "dosageInstruction"),
    }
)
