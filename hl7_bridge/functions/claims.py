"""Invoices to insurers: IVC and its lines become a Claim; a cancelled one stays, cancelled.

Spec: https://hl7.org/fhir/R4/claim.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from hl7_bridge.datatypes import codes, identifiers, names, people, quantities
from hl7_bridge.er7 import Field, Segment
from hl7_bridge.functions.money import amount
from hl7_bridge.functions.notes import annotation
from hl7_bridge.functions.parties import UNKNOWN, name_of
from hl7_bridge.functions.reading import leave, take
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

CLAIM_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"
PROFESSIONAL: Element = {"coding": [{"system": CLAIM_TYPE, "code": "professional", "display": "Professional"}]}
PRIORITY: Element = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/processpriority", "code": "normal"}]}


def complete_claim(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish a claim: its lines, diagnoses, procedures and coverages.

    What FHIR demands and the message does not tell (a cancellation holds little more than the invoice's number) is
    said to be unknown, and gives way to what is stored.
    """
    claim = draft.resource
    coverages = [{"coverage": one.reference} for one in scope.every("Coverage")]
    visits = [one.reference for one in scope.every("Encounter")]
    seen = {"encounter": visits} if visits else {}
    lists = {
        "item": [
            {**seen, **item_of(line, number, context)} for number, line in enumerate(scope.every_segment("PSL"), 1)
        ],
        "diagnosis": [{"diagnosisReference": one.reference} for one in scope.every("Condition")],
        "procedure": [{"procedureReference": one.reference} for one in scope.every("Procedure")],
        "supportingInfo": claim.get("supportingInfo", []),
        "insurance": [{"focal": number == 0, **one} for number, one in enumerate(coverages)],
    }
    for name, items in lists.items():
        if items:
            claim[name] = [{"sequence": number, **one} for number, one in enumerate(items, 1)]
    add_notes(claim, scope, context)
    add_care_team(claim, scope, context)
    if scope.message.trigger == "E02":
        draft.weak |= claim.keys() - {"resourceType", "identifier", "status"}
    if segment.name == "IVC":
        mark(context, scope, "PSS", 1, 2, 3, 4)
        mark(context, scope, "PSG", 1, 2, 3, 4, 5)
    fill_unknown(draft, demanded(segment, context))


FROM_PAYERS = frozenset({"E10", "E12", "E13", "E15"})


def invoice_numbers(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put the provider's number of an invoice (IVC-1 or IPR-2) and the payer's (IVC-2) as identifiers.

    A number without authority belongs to whom it is said to be of: sender or receiver of the message.
    """
    by_payer = scope.message.trigger in FROM_PAYERS
    numbers = ((1, not by_payer), (2, by_payer)) if segment.name == "IVC" else ((2, not by_payer),)
    found = [number_of(segment.field(number), scope, context, own=own) for number, own in numbers]
    known = draft.resource.get("identifier", [])
    if added := [one for one in found if one and one not in known]:
        draft.resource["identifier"] = [*known, *added]


def number_of(field: Field, scope: Scope, context: Context, *, own: bool) -> Element | None:
    """Return the Identifier of an EI that the sender (`own`) or the receiver of the message has given."""
    found = identifiers.entity_id(field, context, None) if field and not field.is_null else None
    if found is None or own or field.value(2) or field.value(3):
        return found
    header = scope.message.header
    receiver = quote(f"{header.value(5)}|{header.value(6)}", safe="")
    return {**found, "system": f"urn:hl7v2:sender:{receiver}"}


def add_notes(claim: Element, scope: Scope, context: Context) -> None:
    """Put the comments on lines (NTE after PSL) as supporting information that the items name."""
    lines = [one for one in scope.inwards() if any(segment.name == "PSL" for segment in one.segments)]
    for item, line in zip(claim.get("item", ()), lines, strict=True):
        for segment in line.segments:
            if segment.name != "NTE" or not (text := (annotation(segment, context) or {}).get("text")):
                continue
            leave(context, segment, 1)
            take(context, segment, "Claim.supportingInfo", 3)
            known = claim.get("supportingInfo", [])
            number = len(known) + 1
            claim["supportingInfo"] = [*known, {"sequence": number, "category": INFORMATION, "valueString": text}]
            item["informationSequence"] = [*item.get("informationSequence", ()), number]


def add_care_team(claim: Element, scope: Scope, context: Context) -> None:
    """Put who did the service of a line and who answers for it (PSL-28, PSL-29) into the care team that items name."""
    for item, line in zip(claim.get("item", ()), scope.every_segment("PSL"), strict=True):
        for number, responsible in ((28, False), (29, True)):
            field = line.field(number)
            provider = people.practitioner(field, context, None) if field and not field.is_null else None
            if provider is None:
                continue
            take(context, line, "Claim.careTeam", number)
            team = claim.get("careTeam", [])
            member = {"provider": provider, **({"responsible": True} if responsible else {})}
            sequence = next((one["sequence"] for one in team if {**member, "sequence": one["sequence"]} == one), 0)
            if not sequence:
                sequence = len(team) + 1
                claim["careTeam"] = [*team, {"sequence": sequence, **member}]
            item["careTeamSequence"] = [*item.get("careTeamSequence", ()), sequence]


INFORMATION: Element = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/claiminformationcategory", "code": "info"}]
}


def complete_known(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Finish a claim that is only referred to."""
    fill_unknown(draft, demanded(segment, context))


def demanded(segment: Segment, context: Context) -> Element:
    """Return what a Claim must not lack, for one of which the message does not tell it."""
    return {
        **created(moment(segment, 7, context) if segment.name == "IVC" else None, context),
        "type": PROFESSIONAL,
        "use": "claim",
        "patient": UNKNOWN,
        "provider": UNKNOWN,
        "priority": PRIORITY,
        "insurance": [{"sequence": 1, "focal": True, "coverage": UNKNOWN}],
    }


def created(told: str | None, context: Context) -> Element:
    """Return `created` as it was told, else when the message tells of it, else as unknown."""
    known = told or context.occurred
    return {"created": known} if known else {"_created": UNKNOWN}


def fill_unknown(draft: Draft, elements: Mapping[str, Any]) -> None:
    """Put the elements that a resource lacks; what is stored stays."""
    for name, value in elements.items():
        if name.removeprefix("_") not in draft.resource:
            draft.resource[name] = value
            draft.weak.add(name)


def mark(context: Context, scope: Scope, name: str, *fields: int) -> None:
    """Note that fields of the segments of a name have their meaning in the order of others."""
    for segment in scope.every_segment(name):
        leave(context, segment, *fields)


LINE_FIELDS = (3, 7, 8, 9, 10, 11, 12, 13, 15, 16, 24, 33)


def item_of(segment: Segment, number: int, context: Context) -> Element:
    """Return the Claim.item of a PSL; `sequence` is its number among the lines, which the answers refer to."""
    leave(context, segment, 1, 2)
    take(context, segment, "Claim.item", *LINE_FIELDS)
    found: Element = {"sequence": sequence_of(segment, number), "productOrService": service_of(segment, context)}
    modifiers = [codes.codeable_concept(one, context, None) for one in segment.repetitions(8) if one]
    if modifiers := [one for one in modifiers if one]:
        found["modifier"] = modifiers
    start, end = (moment(segment, field, context) for field in (10, 11))
    if start and end:
        found["servicedPeriod"] = {"start": start, "end": end}
    elif start:
        found["servicedDate"] = start[:10]
    if segment.field(12) and (count := quantities.quantity(segment.field(12), context, None)):
        found["quantity"] = count
    if price := amount(segment, 13, context):
        found["unitPrice"] = price
    if (factor := segment.value(24).strip()) and quantities.NUMBER.match(factor):
        found["factor"] = quantities.number(factor)
    if net := amount(segment, 16, context) or amount(segment, 15, context):
        found["net"] = net
    if side := codes.codeable_concept(segment.field(33), context, None) if segment.field(33) else None:
        found["bodySite"] = side
    return found


def sequence_of(segment: Segment, number: int) -> int:
    told = quantities.counted(segment.value(3))
    return told if told and told < 100000 else number


def service_of(segment: Segment, context: Context) -> Element:
    """Return what a line is for: PSL-7, described by PSL-9."""
    code = codes.codeable_concept(segment.field(7), context, None) if segment.field(7) else None
    text = segment.value(9).strip()
    return {**(code or {}), **({"text": text} if text else {})} or {"text": "unknown"}


def payee(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish a claim with its payee: the organization or person (PYE) who is to get the money."""
    segment = next((one for one in scope.segments if one.name == "PYE"), None)
    if segment is None:
        return
    kind = segment.value(2).strip().upper()
    code = "provider" if kind in ("ORG", "PPER", "") else "other"
    found: Element = {"type": {"coding": [{"system": PAYEE_TYPE, "code": code}]}}
    organization = people.organization(segment.field(4), context, None) if segment.field(4) else None
    if party := organization or person_paid(segment, kind, scope, context):
        found["party"] = party
    draft.resource["payee"] = found
    take(context, segment, "Claim.payee", 2, 4, 5)


def person_paid(segment: Segment, kind: str, scope: Scope, context: Context) -> Element | None:
    """Return the person of PYE-5: a provider (PPER), the patient when it is the patient's name, else just a name."""
    field = segment.field(5)
    name = names.person_name(field, context, None) if field and not field.is_null else None
    if name is None:
        return None
    if kind == "PPER":
        return people.named_practitioner(field, context, None)
    patient = next(scope.every("Patient"), None)
    if patient is not None and name_of({"name": [name]}) == name_of(patient.resource):
        return patient.reference
    return {"display": names.spoken(name)}


PAYEE_TYPE = "http://terminology.hl7.org/CodeSystem/payeetype"

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "complete_claim": Function(complete_claim),
        "invoice_numbers": Function(invoice_numbers, (1, 2), "identifier"),
        "complete_known": Function(complete_known),
        "payee": Function(payee, (), "payee"),
    }
)
