"""Master files: places by the same identity that visits name them with, specialties, tests and their normal ranges.

Spec: https://hl7.org/fhir/R4/location.html, https://hl7.org/fhir/R4/activitydefinition.html
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, identifiers, people, quantities
from hl7_bridge.er7 import Field, Segment
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]


def primary_place(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put LOC-1 (PL) as what the place is known by: the same as when a visit names it."""
    reference = people.location(segment.field(1), context, None) if segment.field(1) else None
    if reference is None:
        return
    thin = next(one for one in context.drafts if one.full_url == reference["reference"])
    draft.resource = {**thin.resource, **draft.resource}


def place_relation(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put the parent of LRL (PAR) as partOf, another name of the place (ALI) as alias."""
    kind = segment.value(4).strip().upper()
    if not segment.field(6) or segment.field(6).is_null:
        return
    if kind == "PAR":
        draft.resource["partOf"] = people.location(segment.field(6), context, None)
    elif kind == "ALI":
        names = [part for number in (9, 3, 2, 1) if (part := segment.value(6, number).strip())]
        draft.resource["alias"] = [*draft.resource.get("alias", ()), *names[:1]]


def staff_key(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put STF-1, the key of the record, as an identifier, unless STF-2 has that number already."""
    value = segment.value(1).strip().strip('"')
    known = draft.resource.get("identifier", [])
    if value and all(one["value"] != value for one in known):
        system = context.sender.authority(segment.value(1, 3), "", "", "")
        draft.resource["identifier"] = [*known, {"system": system, "value": value}]


def licences(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put PRA-6 (PLN: number, its kind, who gave it) as identifiers of the practitioner."""
    for field in segment.repetitions(6):
        number, kind, state = (field.value(part).strip() for part in (1, 2, 3))
        if not number or field.is_null:
            continue
        authority = context.sender.authority(state or kind, "", "", "")
        coded = {"type": {"coding": [{"system": identifiers.TYPE_SYSTEM, "code": kind}]}} if kind else {}
        draft.resource["identifier"] = [
            *draft.resource.get("identifier", ()),
            {**coded, "system": authority, "value": number},
        ]


def specialties(segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Put PRA-5 (SPD: specialty, board, status, date) as specialties of the role."""
    found = [{"text": name} for one in segment.repetitions(5) if not one.is_null and (name := one.value(1).strip())]
    if found:
        draft.resource["specialty"] = [*draft.resource.get("specialty", ()), *found]


RESULT = "result"
"""Id of the contained definition of what a test observes."""


def orderable_key(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put OM1-2 as code and identifier of a test, OM1-7 as what others call it."""
    code = codes.codeable_concept(segment.field(2), context, None)
    if code is None:
        return
    others = [codes.codeable_concept(one, context, None) for one in segment.repetitions(7) if one and not one.is_null]
    codings = [coding for one in (code, *others) if one for coding in one.get("coding", ())]
    draft.resource["code"] = {**code, **({"coding": codings} if codings else {})}
    first = codings[0] if codings else {}
    identifier = {"system": first["system"], "value": first["code"]} if "system" in first else None
    name = segment.value(2).strip() or segment.value(2, 2).strip()
    draft.resource["identifier"] = [identifier or derived_identifier("test", context.sender.name, name)]
    draft.key = key_of(draft.resource["identifier"][0])


KINDS: Mapping[str, str] = MappingProxyType(
    {
        "NM": "Quantity", "SN": "Quantity", "CQ": "Quantity", "NR": "Range", "CWE": "CodeableConcept",
        "CE": "CodeableConcept", "CNE": "CodeableConcept", "ST": "string", "TX": "string", "FT": "string",
        "DT": "dateTime", "DTM": "dateTime", "TS": "dateTime", "TM": "time", "NA": "SampledData", "DR": "Period",
    }
)  # fmt: skip


def observed(segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Put OM1-3 as the datatypes in which the test's results come."""
    kinds = [KINDS[kind] for one in segment.repetitions(3) if (kind := one.value(1).strip().upper()) in KINDS]
    if kinds:
        describe(draft, {"permittedDataType": list(dict.fromkeys(kinds))})


def describe(draft: Draft, elements: Element) -> None:
    """Put elements into the contained ObservationDefinition of a test, made when it is not there yet."""
    known = draft.resource.get("contained", [{}])[0]
    fresh = {
        "resourceType": "ObservationDefinition",
        "id": RESULT,
        "code": draft.resource.get("code", {"text": "unknown"}),
    }
    draft.resource["contained"] = [{**fresh, **known, **elements}]
    draft.resource["observationResultRequirement"] = [{"reference": f"#{RESULT}"}]


def numeric(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put OM2: the units of a numeric test, its precision, its normal, critical and absolute ranges."""
    units = codes.codeable_concept(segment.field(2), context, None) if segment.field(2) else None
    precision = quantities.integer(segment.field(3), context, None) if segment.field(3) else None
    details: Element = {"unit": units} if units else {}
    if precision is not None:
        details["decimalPrecision"] = precision
    quantity = quantities.unit_of(segment, 2, context)
    ranges = [
        interval(field, category, quantity)
        for number, category in ((6, "reference"), (7, "critical"), (8, "absolute"))
        for field in segment.repetitions(number)
        if field and not field.is_null
    ]
    found = {"quantitativeDetails": details, "qualifiedInterval": [one for one in ranges if one]}
    if any(found.values()):
        describe(draft, {name: value for name, value in found.items() if value})


GENDERS = {"M": "male", "F": "female", "O": "other", "U": "unknown"}


def interval(field: Field, category: str, units: Element) -> Element | None:
    """Return the qualifiedInterval of an RFR: a range, for which sex, age and condition it holds."""
    span = between(field, 1, units)
    if span is None:
        return None
    found: Element = {"category": category, "range": span}
    if sex := GENDERS.get(field.value(2).strip().upper()):
        found["gender"] = sex
    if age := between(field, 3, {"unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}):
        found["age"] = age
    if condition := field.value(7).strip():
        found["condition"] = condition
    return found


def between(field: Field, component: int, units: Element) -> Element | None:
    """Return the Range of an NR in a component."""
    low, high = (field.value(component, part).strip() for part in (1, 2))
    ends: dict[str, Decimal] = {name: quantities.number(text) for name, text in (("low", low), ("high", high)) if text}
    return {name: {"value": value, **units} for name, value in ends.items()} or None


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "primary_place": Function(primary_place, (1,), "identifier, name, physicalType"),
        "place_relation": Function(place_relation, (6, 4), "partOf, alias"),
        "staff_key": Function(staff_key, (1,), "identifier"),
        "licences": Function(licences, (6,), "identifier"),
        "specialties": Function(specialties, (5,), "specialty"),
        "orderable_key": Function(orderable_key, (2, 7), "code, identifier"),
        "observed": Function(observed, (3,), "observationResultRequirement"),
        "numeric": Function(numeric, (2, 3, 6, 7, 8), "observationResultRequirement"),
    }
)
