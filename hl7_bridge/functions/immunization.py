"""Vaccinations: the dose that was given, and the observations that are parts of the Immunization itself.

Spec: https://hl7.org/fhir/R4/immunization.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, quantities, times
from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.reading import leave, take
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

UNKNOWN_AMOUNT = "999"
"""What RXA-6 holds, by the rules of immunization registries, when nobody knows how much was given."""


def vaccine_dose(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put RXA-6 and RXA-7 as doseQuantity; an amount that nobody knows is left out."""
    text = segment.value(6).strip()
    if text in ("", '""', UNKNOWN_AMOUNT):
        return
    units = quantities.unit_of(segment, 7, context)
    draft.resource["doseQuantity"] = {"value": quantities.number(text), **units}


def vaccine_notes(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put RXA-9: who knows of the vaccination (NIP001: the one who gave it, or a record of the past), and remarks."""
    for field in segment.repetitions(9):
        if not field or field.is_null:
            continue
        found = codes.codeable_concept(field, context, None) or {}
        if field.value(3).strip().upper() == "NIP001" or field.value(1).strip() in ORIGINS:
            # Only "00" says that the sender gave it itself; each other code says where the report is from.
            draft.resource["primarySource"] = field.value(1).strip() == "00"
            if field.value(1).strip() != "00":
                draft.resource["reportOrigin"] = found
        elif text := found.get("text") or field.value(1).strip():
            draft.resource["note"] = [*draft.resource.get("note", ()), {"text": text}]


ORIGINS = frozenset({"00", "01", "02", "03", "04", "05", "06", "07", "08"})


ELIGIBILITY, FUNDING = "64994-7", "30963-3"
PUBLISHED, PRESENTED = "29768-9", "29769-7"
STATEMENTS = frozenset({"69764-9", "30956-7", PUBLISHED, PRESENTED})
"""LOINC codes of an information statement: its document type, the vaccine it is about, and its dates."""


def complete_immunization(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish an Immunization: take the observations that are elements of it, and give it an occurrence.

    Eligibility, funding and the information statements that were handed over are no Observations in FHIR.
    """
    for segment in scope.every_segment("OBX"):
        if element := put_element(segment, draft.resource, context):
            leave(context, segment, 1, 2, 4, 11)
            take(context, segment, f"Immunization.{element}", 3, 5)
    if "occurrenceDateTime" not in draft.resource:
        draft.resource["occurrenceString"] = "unknown"


def put_element(segment: Segment, immunization: Element, context: Context) -> str:
    """Put an OBX that is an element of the Immunization; return the element's name, "" when it is none."""
    code, field = segment.value(3).strip(), segment.field(5)
    if not field or field.is_null:
        return ""
    if code in STATEMENTS:
        return "education" if put_statement(segment, immunization, context) else ""
    found = codes.codeable_concept(field, context, None)
    if code == ELIGIBILITY and found:
        immunization["programEligibility"] = [*immunization.get("programEligibility", ()), found]
        return "programEligibility"
    if code == FUNDING and found:
        immunization["fundingSource"] = found
        return "fundingSource"
    return ""


def put_statement(segment: Segment, immunization: Element, context: Context) -> bool:
    """Put what an OBX says of an information statement into the education entry of its sub-id (OBX-4).

    Returns False when it says something else than its code promises: that stays an Observation
    """
    try:
        said = statement(segment, segment.value(3).strip(), context)
    except BadValue:
        return False
    if not said:
        return False
    group = segment.value(4).strip()
    name = f"statement-{group}" if group else "statement"
    entries: list[Element] = immunization.get("education", [])
    known = next((one for one in entries if one["id"] == name), {"id": name})
    others = [one for one in entries if one is not known]
    immunization["education"] = [*others, {**known, **said}]
    return True


def statement(segment: Segment, code: str, context: Context) -> Element:
    """Return what an observation says of an information statement."""
    field = segment.field(5)
    if code in (PUBLISHED, PRESENTED):
        moment = times.date_time(field.value(1), context.zone)
        name = "publicationDate" if code == PUBLISHED else "presentationDate"
        return {name: moment} if moment else {}
    name = field.value(1).strip()
    title = field.value(2).strip()
    return {"documentType": " ".join(part for part in (title, f"({name})" if title and name else name) if part)}


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "vaccine_dose": Function(vaccine_dose, (6, 7), "doseQuantity"),
        "vaccine_notes": Function(vaccine_notes, (9,), "primarySource, reportOrigin, note"),
        "complete_immunization": Function(complete_immunization, (), "programEligibility, fundingSource, education"),
    }
)
