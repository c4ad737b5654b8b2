"""Orders: their numbers, who asks for them, and when the service is to be done.

Spec: https://hl7.org/fhir/R4/servicerequest.html
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import contacts, identifiers, media, people, quantities
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.timing import occurrence, quantity_timing, segment_timing
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

NUMBERS = ((2, "identifier-PLAC"), (3, "identifier-FILL"))
"""ORC and OBR hold the placer's and the filler's number of an order in the same fields."""


def order_numbers(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put ORC-2 and ORC-3 as identifiers, unless OBR has a number of that kind: the service has that one."""
    service = scope.segment("OBR")
    for field, kind in NUMBERS:
        table = context.sender.tables[kind]
        found = identifiers.entity_id(segment.field(field), context, table) if segment.field(field) else None
        stated = (
            identifiers.entity_id(service.field(field), context, table) if service and service.field(field) else None
        )
        if found and stated and found["value"] != stated["value"]:
            context.note(f"ORC-{field}", f"is not the number in OBR-{field}, which is taken")
        if found and not stated:
            draft.resource["identifier"] = [*draft.resource.get("identifier", ()), found]


def requester(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put who asks for the service: the person of ORC-12, in the role that ORC-21 to ORC-24 describe if they do."""
    person = people.practitioner(segment.field(12), context, None) if segment.field(12) else None
    facility = people.organization_resource(segment.field(21), context) if segment.field(21) else None
    if facility is None:
        if person:
            draft.resource["requester"] = person
        return
    for element, field, convert in (("address", 22, contacts.address), ("telecom", 23, contacts.contact_point)):
        if found := [one for text in segment.repetitions(field) if text and (one := convert(text, context, None))]:
            facility[element] = found
    organization = context.refer(facility, key_of(facility["identifier"][0]), display=facility.get("name"))
    if person is None:
        draft.resource["requester"] = organization
        return
    about = (key_of(facility["identifier"][0]), segment.value(12), segment.value(12, 2), segment.value(12, 3))
    identifier = derived_identifier("PractitionerRole", context.sender.name, *about)
    role = {
        "resourceType": "PractitionerRole",
        "identifier": [identifier],
        "practitioner": person,
        "organization": organization,
    }
    shown = person.get("display")
    draft.resource["requester"] = context.refer(role, key_of(identifier), display=shown)


def requested_time(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put OBR-6, when the service is wanted, unless a timing says it better."""
    wanted = moment(segment, 6, context)
    if wanted and not any(form in draft.resource for form in FORMS):
        draft.resource["occurrenceDateTime"] = wanted


FORMS = ("occurrenceTiming", "occurrencePeriod", "occurrenceDateTime")


def complete_order(_segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Give a service that shares its numbers with another one of the message an identity of its own."""
    numbers = {key_of(one) for one in draft.resource.get("identifier", ()) if one.get("value")}
    code = draft.resource.get("code")
    for other in context.drafts:
        if other is draft:
            return
        if other.type == draft.type and other.key in numbers and other.resource.get("code") != code:
            own_identity(draft, context)
            return


def own_identity(draft: Draft, context: Context) -> None:
    """Let a service that shares its numbers with one before it be found by number and code: numbers name one thing.

    The shared numbers stay as what it is based on.
    """
    known = draft.resource.get("identifier", [])
    code = draft.resource.get("code", {})
    about = [str(one.get("code")) for one in code.get("coding", ())] or [str(code.get("text"))]
    derived = derived_identifier("ServiceRequest", context.sender.name, *(key_of(one) for one in known[:1]), *about)
    draft.resource["identifier"] = [derived]
    shared = [{"type": "ServiceRequest", "identifier": one} for one in known]
    draft.resource["basedOn"] = [*draft.resource.get("basedOn", ()), *shared]


def complete_record(_segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Finish what tells who entered and verified an order: FHIR wants the moment of it, and what it is about."""
    record = draft.resource
    if "recorded" not in record and "T" in context.occurred:
        record["recorded"] = context.occurred
    if not record.keys() >= {"recorded", "target", "agent"}:
        context.drafts.remove(draft)


def order_timing(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put a TQ1 as occurrence[x], quantity, instruction and note."""
    put_occurrence(draft.resource, occurrence(*segment_timing(segment, context)))
    if segment.field(2) and (amount := quantities.quantity(segment.field(2), context, None)):
        draft.resource["quantityQuantity"] = amount
    for field in segment.repetitions(11):
        if text := media.text(field, context, None):
            draft.resource["note"] = [*draft.resource.get("note", ()), {"text": text}]


def field_timing(number: int) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that puts the first TQ of a field as occurrence[x], quantity and note."""

    def put(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        field = segment.field(number)
        if not field or field.is_null:
            return
        put_occurrence(draft.resource, occurrence(*quantity_timing(field, context)))
        amount = field.value(1, 1).strip()
        # "1" is what senders fill the component with when the order is just for one of it.
        if amount and amount != "1" and quantities.NUMBER.match(amount):
            units = quantities.unit(quantities.Parts(field.value(1, 2)), context)
            draft.resource["quantityQuantity"] = {"value": quantities.number(amount), **units}
        if text := field.value(8).strip():
            draft.resource["note"] = [*draft.resource.get("note", ()), {"text": text}]

    return put


def put_occurrence(order: Element, found: Element) -> None:
    """Put one form of occurrence[x] instead of any other."""
    if found:
        for form in FORMS:
            order.pop(form, None)
        order.update(found)


STUDIED = ("DiagnosticReport", "ServiceRequest", "ServiceRequest#ordered")
"""What of an order or its results may belong to a study."""
STUDY = "http://hl7.org/fhir/StructureDefinition/workflow-researchStudy"


def study_of_order(segment: Segment, draft: Draft, scope: Scope, _context: Context) -> None:
    """Let the order before a CTI refer to the study; the reference shows its phase (CTI-2) and time point (CTI-3).

    R4 has no element for these two at an order or a report.
    """
    shown = (segment.value(1), *(segment.value(field, 2) or segment.value(field) for field in (2, 3)))
    reference = {**draft.reference, "display": ", ".join(text.strip() for text in shown if text.strip())}
    for role in STUDIED:
        if scope.parent is not None and (order := scope.parent.drafts.get(role)) is not None:
            extension = {"url": STUDY, "valueReference": reference}
            order.resource["extension"] = [*order.resource.get("extension", ()), extension]


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "order_numbers": Function(order_numbers, (2, 3), "identifier"),
        "requester": Function(requester, (12, 21, 22, 23), "requester"),
        "requested_time": Function(requested_time, (6,), "occurrenceDateTime"),
        "complete_order": Function(complete_order),
        "complete_record": Function(complete_record),
        "study_of_order": Function(study_of_order, (2, 3), "extension (study) of the order"),
        "order_timing": Function(order_timing, (3, 2, 4, 6, 7, 8, 11, 13, 14), "occurrence[x]"),
        "timing_of_ORC-7": Function(field_timing(7), (7,), "occurrence[x]"),
        "timing_of_OBR-27": Function(field_timing(27), (27,), "occurrence[x]"),
    }
)
