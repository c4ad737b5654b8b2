"""Insurance: the policy, its insurer and its subscriber, from IN1 and IN2.

Spec: https://hl7.org/fhir/R4/coverage.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from hl7_bridge.datatypes import contacts, identifiers, names, people, quantities
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.parties import SELF, UNKNOWN, party
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

CLASS_SYSTEM = "http://terminology.hl7.org/CodeSystem/coverage-class"
DEDUCTIBLE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-copay-type", "code": "deductible"}]}


def payor(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put the insurer as payor: IN1-3 are its identifiers, IN1-4 its name, IN1-5 to IN1-7 how to reach it."""
    numbers = [identifiers.extended_id(one, context, None) for one in segment.repetitions(3) if not one.is_null]
    named = people.organization_resource(segment.field(4), context) if segment.field(4) else None
    resource = named or {"resourceType": "Organization", "identifier": []}
    # A made-up identifier (of the name) is for insurers that the sender gives no number.
    known = [one for one in numbers if one] or resource["identifier"]
    if not known:
        return
    resource["identifier"] = known
    resource["type"] = [{"coding": [{"system": ORGANIZATION_TYPE, "code": "ins", "display": "Insurance Company"}]}]
    resource |= reached(segment, context)
    reference = context.refer(resource, key_of(known[0]), display=resource.get("name"))
    draft.resource["payor"] = [reference]


ORGANIZATION_TYPE = "http://terminology.hl7.org/CodeSystem/organization-type"


def reached(segment: Segment, context: Context) -> Element:
    """Return address, telecom and contact of the insurer."""
    addresses = [found for one in segment.repetitions(5) if (found := contacts.address(one, context, None))]
    numbers = [found for one in segment.repetitions(7) if (found := contacts.contact_point(one, context, None))]
    persons = [found for one in segment.repetitions(6) if (found := names.person_name(one, context, None))]
    lists = {"address": addresses, "telecom": numbers, "contact": [{"name": one} for one in persons]}
    return {name: items for name, items in lists.items() if items}


def policy(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put the numbers of a policy: IN1-36 and IN1-49, and subscriberId, the number that the insured is known by."""
    number, insured = segment.value(36).strip().strip('"'), segment.field(49)
    found: list[Element] = list(draft.resource.get("identifier", ()))
    if number:
        company = segment.value(3).strip() or segment.value(4).strip()
        system = f"urn:hl7v2:policy:{quote(company or context.sender.name, safe='')}"
        found.append({"type": {"text": "policy number"}, "system": system, "value": number})
    if insured and not insured.is_null and (identifier := identifiers.extended_id(insured, context, None)):
        found.append(identifier)
    if found:
        draft.resource["identifier"] = found
    if subscriber := insured.value(1).strip().strip('"') or number:
        draft.resource["subscriberId"] = subscriber


def classes(segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Put plan (IN1-2) and group (IN1-8 with the name in IN1-9) as classes of the coverage."""
    found: list[Element] = []
    for kind, value, name in (
        ("plan", segment.value(2) or segment.value(35), segment.value(2, 2)),
        ("group", segment.value(8), segment.value(9)),
    ):
        texts = [text.strip() for text in (value, name)]
        if any(texts) and '""' not in texts:
            one: Element = {"type": {"coding": [{"system": CLASS_SYSTEM, "code": kind}]}, "value": texts[0] or texts[1]}
            found.append({**one, "name": texts[1]} if all(texts) else one)
    if found:
        draft.resource["class"] = found


def deductible(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put IN1-37 as the deductible that the patient bears."""
    field = segment.field(37)
    if field and not field.is_null and (amount := quantities.money(field, context, None)):
        draft.resource["costToBeneficiary"] = [{"type": DEDUCTIBLE, "valueMoney": amount}]


def complete_coverage(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish a coverage: its subscriber, the patient or another; the patient pays where no insurer is named."""
    patient = scope.find("Patient")
    insured = party(scope, "RelatedPerson#insured", context=context)
    if insured is None and patient is not None and segment.value(17).strip().upper() in SELF:
        insured = patient.reference
    if insured is not None:
        draft.resource["subscriber"] = insured
    covered = patient.reference if patient is not None else UNKNOWN
    draft.resource.setdefault("beneficiary", covered)
    draft.resource.setdefault("payor", [covered])
    # A policy covers a family: only with the patient it is one Coverage. Said of two visits it is still one.
    facts = (coverage_of(segment, draft, scope), *((patient.key or patient.full_url,) if patient else ()))
    identifier = derived_identifier("Coverage", context.sender.name, *facts)
    draft.resource["identifier"] = [*draft.resource.get("identifier", ()), identifier]
    draft.key = key_of(identifier)


def coverage_of(segment: Segment, draft: Draft, scope: Scope) -> str:
    """Return what tells a patient's coverages apart: the insurer, and the policy's number, else its plan."""
    insurer = segment.value(3) or segment.value(4) or segment.value(2)
    second = next((one for one in scope.segments if one.name == "IN2"), None)
    member = second.value(61) if second else ""
    return "\x1f".join((insurer.strip(), draft.resource.get("subscriberId") or member or segment.value(2)))


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "payor": Function(payor, (4, 3, 5, 6, 7), "payor"),
        "policy": Function(policy, (36, 49), "identifier, subscriberId"),
        "classes": Function(classes, (2, 8, 9, 35), "class"),
        "deductible": Function(deductible, (37,), "costToBeneficiary"),
        "complete_coverage": Function(complete_coverage, (), "subscriber"),
    }
)
