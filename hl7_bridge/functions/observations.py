"""Results: OBX-5 in the datatype that OBX-2 names, reference ranges, reports that hold documents.

Spec: https://hl7.org/fhir/R4/observation.html
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, media, names, people, quantities, times
from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import NULL, Field, Segment
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]
Value = Callable[[Field, Element, Context], Element | None]
"""A repetition, the units and the context -> the value under the name of its choice: {"valueQuantity": ...}."""


def quantity(field: Field, units: Element, _context: Context) -> Element | None:
    text = field.value(1).strip()
    if not text:
        return None
    sign = text[:2] if text[:2] in quantities.COMPARATORS else text[:1] if text[:1] in "<>" else ""
    try:
        value: Element = {"value": quantities.number(text.removeprefix(sign))}
    except BadValue:
        # A laboratory that writes words where a number belongs means the words.
        return {"valueString": " ".join([text, *([units["unit"]] if units else [])])}
    return {"valueQuantity": {**value, **({"comparator": sign} if sign else {}), **units}}


def string(field: Field, units: Element, _context: Context) -> Element | None:
    text = field.text.strip()
    if text and units.get("unit") and quantities.NUMBER.match(text):
        # A number that is sent as text: without its units it would say nothing.
        text = f"{text} {units['unit']}"
    return {"valueString": text} if text else None


def concept(field: Field, _units: Element, context: Context) -> Element | None:
    found = codes.codeable_concept(field, context, None)
    return {"valueCodeableConcept": found} if found else None


def date_time(field: Field, _units: Element, context: Context) -> Element | None:
    found = times.date_time(field.value(1), context.zone)
    return {"valueDateTime": found} if found else None


def time(field: Field, _units: Element, _context: Context) -> Element | None:
    found = times.time_of_day(field.value(1))
    return {"valueTime": found} if found else None


def period(field: Field, _units: Element, context: Context) -> Element | None:
    ends = {name: times.date_time(field.value(part), context.zone) for name, part in (("start", 1), ("end", 2))}
    found = {name: moment for name, moment in ends.items() if moment}
    return {"valuePeriod": found} if found else None


def structured(field: Field, units: Element, _context: Context) -> Element | None:
    try:
        return quantities.structured(field, units)
    except BadValue:
        return {"valueString": " ".join(part for number in (1, 2, 3, 4) if (part := field.value(number).strip()))}


def numeric_range(field: Field, units: Element, _context: Context) -> Element | None:
    found = quantities.numeric_range(field, units)
    return {"valueRange": found} if found else None


def composite(field: Field, units: Element, _context: Context) -> Element | None:
    found = quantities.quantity(field, _context, None)
    return {"valueQuantity": {**units, **found}} if found else None


def money(field: Field, _units: Element, context: Context) -> Element | None:
    found = quantities.money(field, context, None)
    if not found:
        return None
    return {"valueQuantity": {"value": found["value"], **({"unit": found["currency"]} if "currency" in found else {})}}


def attachment(convert: Callable[..., Element | None]) -> Value:
    def attached(field: Field, _units: Element, context: Context) -> Element | None:
        found = convert(field, context, None)
        return {"attachment": found} if found else None

    return attached


def spoken_name(field: Field, _units: Element, context: Context) -> Element | None:
    text = names.name_text(field, context, None)
    return {"valueString": text} if text else None


def spoken_person(field: Field, _units: Element, context: Context) -> Element | None:
    resource = people.practitioner_resource(field, context)
    name = names.spoken(resource["name"][0]) if resource and "name" in resource else None
    return {"valueString": name or field.value(1).strip()} if resource else None


VALUES: Mapping[str, Value] = MappingProxyType(
    {
        "NM": quantity, "SI": quantity, "SN": structured, "CQ": composite, "NR": numeric_range,
        "MO": money, "CP": money,
        "CWE": concept, "CE": concept, "CNE": concept, "CF": concept, "IS": concept, "ID": concept, "CK": concept,
        "ST": string, "TX": string, "FT": string, "VR": string, "GTS": string,
        "DT": date_time, "DTM": date_time, "TS": date_time, "TM": time, "DR": period,
        "ED": attachment(media.encapsulated), "RP": attachment(media.pointer),
        "XPN": spoken_name, "PN": spoken_name, "XCN": spoken_person, "CN": spoken_person,
    }
)  # fmt: skip


_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
WITHOUT_VALUE = frozenset({"X"})
"""States of a result (OBX-11) in which there is none: it cannot be obtained."""


def observation_value(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put OBX-5 as value[x]; more than one value become components, or text lines, or documents of the report."""
    if segment.raw(5) == NULL or segment.raw(11) in WITHOUT_VALUE:
        draft.clears.add("value[x]")
        if segment.raw(11) in WITHOUT_VALUE:
            draft.resource["dataAbsentReason"] = unobtainable(segment)
        return
    found = values_of(segment, kind_of(segment, context), context)
    if found:
        draft.clears.add("dataAbsentReason")
    if len(found) == 1 and "attachment" not in found[0]:
        draft.resource.update(found[0])
        return
    attachments = [value["attachment"] for value in found if "attachment" in value]
    simple = [value for value in found if "attachment" not in value]
    if attachments:
        keep_documents(attachments, draft, scope)
    if len(simple) == 1:
        draft.resource.update(simple[0])
    elif simple and all("valueString" in value for value in simple):
        draft.resource["valueString"] = "\n".join(value["valueString"] for value in simple)
    elif simple:
        draft.resource["component"] = [{"code": draft.resource.get("code", UNKNOWN), **value} for value in simple]


def unobtainable(segment: Segment) -> Element:
    """Return why there is no value: what the laboratory writes in its place ("QNS"), if anything."""
    reason: Element = {"coding": [{"system": _ABSENT, "code": "cannot-be-obtained"}]}
    text = segment.field(5).text.strip(' "') if segment.raw(5) else ""
    return {**reason, "text": text} if text else reason


def kind_of(segment: Segment, context: Context) -> str:
    """Return the datatype of OBX-5: that of OBX-2; a number with units is one where the sender names no datatype.

    What is no datatype is read as text, with a note.
    """
    kind = segment.value(2).strip().upper()
    if not kind and segment.value(6).strip(' "') and quantities.NUMBER.match(segment.value(5).strip()):
        return "NM"
    if kind and kind not in VALUES and kind not in OTHER_KINDS and segment.raw(5):
        number = f"[{segment.sequence}]" if segment.sequence > 1 else ""
        context.note(f"OBX{number}-2", "is no datatype that is known; the value is read as text")
    return kind


OTHER_KINDS = frozenset(
    {"NA", "MA", "AD", "CX", "DLN", "EI", "HD", "PL", "PPN", "SAD", "TN", "XAD", "XON", "XTN", "OG"}
)
"""Datatypes of values that are series, or that FHIR has as text."""


def keep_documents(documents: list[Element], draft: Draft, scope: Scope) -> None:
    """Put documents as forms of the report; the result tells what they are, and holds them when there is no report."""
    report = scope.find("DiagnosticReport")
    if report is not None:
        report.resource["presentedForm"] = [*report.resource.get("presentedForm", ()), *documents]
        documents = [{name: part for name, part in one.items() if name != "data"} for one in documents]
    described = [{"url": ATTACHMENT, "valueAttachment": one} for one in documents if one]
    if described:
        draft.resource["extension"] = [*draft.resource.get("extension", ()), *described]


UNKNOWN = {"text": "unknown"}
ATTACHMENT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value"
"""R5's value[x] of type Attachment, as R4 writes an element of a later version."""


def values_of(segment: Segment, kind: str, context: Context) -> list[Element]:
    units = quantities.unit_of(segment, 6, context)
    repetitions = segment.repetitions(5)
    if kind in ("NA", "MA"):
        numbers = [one.value(part) for one in repetitions for part in range(1, one.components + 1)]
        data = quantities.sampled_data(numbers, units)
        return [{"valueSampledData": data}] if data else []
    convert = VALUES.get(kind, string)
    return [value for one in repetitions if one and not one.is_null and (value := convert(one, units, context))]


BETWEEN = re.compile(r"(-?\d{1,20}(?:\.\d{1,20})?)\s*(?:-|_|–|to|\.\.)\s*(-?\d{1,20}(?:\.\d{1,20})?)\Z")
LIMIT = re.compile(r"(<=|>=|<|>|≤|≥)\s*=?\s*(-?\d{1,20}(?:\.\d{1,20})?)\Z")


def reference_range(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put OBX-7 as referenceRange; the same few ranges come again with every message of a laboratory."""
    if segment.raw(7) == NULL:
        draft.clears.add("referenceRange")
        return
    key = (reference_range, segment.raw(7), segment.raw(6))
    known = context.sender_memory.get(key)
    if known is None:
        known = context.sender_memory[key] = range_of(segment.value(7).strip(), quantities.unit_of(segment, 6, context))
    if known:
        draft.resource["referenceRange"] = [known]


def range_of(text: str, units: Element) -> Element:
    """Return a reference range: its text as sent, and low and high where the text says them.

    Shape: "3.9-5.8", "70_105", "<5", ">= 1.5"; any other text stays a text
    """
    found: Element = {}
    if match := BETWEEN.match(text):
        found["low"] = {"value": Decimal(match[1]), **units}
        found["high"] = {"value": Decimal(match[2]), **units}
    elif match := LIMIT.match(text):
        end = "high" if match[1][0] in "<≤" else "low"
        found[end] = {"value": Decimal(match[2]), **units}
    return {**found, "text": text} if text else {}


def sub_id(segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Keep OBX-4, which tells apart results of the same code; as R5's triggering identifier it has no R4 element."""
    if text := segment.value(4).strip():
        extension = {"url": SUB_ID, "valueString": segment.field(4).text.strip() or text}
        draft.resource["extension"] = [*draft.resource.get("extension", ()), extension]


SUB_ID = "http://hl7.org/fhir/StructureDefinition/observation-v2-subid"


def parent_result(segment: Segment, _draft: Draft, scope: Scope, _context: Context) -> None:
    """Link the results of this order with the result that it was made for (OBR-26: code and sub-id of the parent)."""
    code, sub = segment.value(26, 1).strip(), segment.value(26, 2).strip()
    if not code:
        return
    children = [one.reference for one in scope.every("Observation")]
    root = list(scope.outwards())[-1]
    for other in root.inwards():
        parent = other.drafts.get("Observation")
        first = other.segments[0] if other.segments else None
        if parent is None or first is None or other.parent is scope:
            continue
        if first.value(3) == code and first.value(4) == sub and children:
            parent.resource["hasMember"] = [*parent.resource.get("hasMember", ()), *children]
            for child in scope.every("Observation"):
                child.resource["derivedFrom"] = [parent.reference]
            return


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "observation_value": Function(observation_value, (5, 2, 6), "value[x]"),
        "sub_id": Function(sub_id, (4,), "extension (sub-id)", optional=True),
        "parent_result": Function(parent_result, (26, 29), "hasMember, derivedFrom", optional=True),
        "reference_range": Function(reference_range, (7,), "referenceRange", optional=True),
    }
)
