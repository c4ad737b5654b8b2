"""Who is insured and who answers for a bill: the patient, a related person or an organization.

Spec: https://hl7.org/fhir/R4/relatedperson.html
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import contacts, names
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

UNKNOWN: Element = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}
"""A reference that FHIR demands, to what the message does not tell."""

SELF = frozenset({"SEL", "SLF", "SELF", "PATIENT", "18", "ONESELF"})
"""How table 0063, X12 and plain words say that somebody is the patient."""


def party(scope: Scope, *roles: str, context: Context) -> Element | None:
    """Return a Reference to the entry of the first role that this very scope has; to the Patient when it is them.

    Senders name the patient as guarantor or insured without saying so: one who has the patient's name, and no other
    date of birth or relation, is the patient, and no RelatedPerson is made.
    """
    for role in roles:
        if (draft := scope.drafts.get(role)) is not None:
            patient = scope.find("Patient")
            if patient is None or not is_patient(draft.resource, patient.resource):
                return draft.reference
            drop(draft, context)
            return patient.reference
    return None


def drop(draft: Draft, context: Context) -> None:
    """Take an entry out of the message, if it is still there."""
    context.drafts[:] = [one for one in context.drafts if one is not draft]


def is_patient(person: Element, patient: Element) -> bool:
    if person["resourceType"] != "RelatedPerson":
        return False
    said = relations(person)
    if said and not said & SELF:
        return False
    born = person.get("birthDate"), patient.get("birthDate")
    return (born[0] == born[1] or not all(born)) and bool(name_of(person)) and name_of(person) == name_of(patient)


def relations(person: Element) -> set[str]:
    """Return the codes of a person's relation to the patient, in capitals; that of a guarantor says nothing of it.

    Nor do numbers: 1 is the patient for some senders, and the spouse for others. All agree on 18.
    """
    found = {
        str(coding.get("code", "")).upper()
        for relation in person.get("relationship", ())
        for coding in relation.get("coding", ())
    }
    return {code for code in found if code == "18" or not code.isdigit()} - {"", "GUAR"}


def name_of(person: Element) -> tuple[str, ...]:
    """Return the first name's parts as they are compared."""
    name: Element = next(iter(person.get("name", ())), {})
    parts = (name.get("family", ""), next(iter(name.get("given", ())), ""))
    return tuple(part.casefold() for part in parts) if any(parts) else ()


def known_by_name(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Key a related person by the patient and the name: insured and guarantor of one name are one person.

    One who is the patient is nobody else.
    """
    patient, name = scope.find("Patient"), name_of(draft.resource)
    draft.resource.setdefault("patient", patient.reference if patient is not None else UNKNOWN)
    if patient is not None and is_patient(draft.resource, patient.resource):
        drop(draft, context)
        return
    if draft.key is not None or not name:
        return
    whose = (patient.key or patient.full_url) if patient is not None else ""
    identifier = derived_identifier("RelatedPerson", context.sender.name, whose, *name)
    draft.resource["identifier"] = [*draft.resource.get("identifier", ()), identifier]
    draft.key = key_of(identifier)
    for other in context.drafts:
        if other is not draft and other.type == draft.type and other.key == draft.key:
            share(draft.resource, other.resource)


def share(one: Element, other: Element) -> None:
    """Give two forms of one person the list items of both: numbers, relations, ways to reach them."""
    for name in one.keys() | other.keys():
        first, second = other.get(name, []), one.get(name, [])
        if isinstance(first, list) and isinstance(second, list):
            one[name] = other[name] = [*first, *(item for item in second if item not in first)]


def employer(name: int, organization: int, address: int) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that adds the address at work of a person; it begins with the employer's name.

    RelatedPerson has no other place for an employer.
    """

    def add(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        named = segment.value(organization).strip(' "') or names.name_text(segment.field(name), context, None)
        for field in segment.repetitions(address) or [segment.field(address)]:
            found = {**(contacts.address(field, context, None) or {}), "use": "work"}
            if lines := [*([named] if named else ()), *found.get("line", ())]:
                found["line"] = lines
            if len(found) > 1:
                draft.resource["address"] = [*draft.resource.get("address", ()), found]

    return add


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "known_by_name": Function(known_by_name, (), "identifier"),
        "employer_of_guarantor": Function(employer(16, 51, 17), (16, 51, 17), "address (work)", optional=True),
        "employer_of_insured": Function(employer(11, 11, 44), (44,), "address (work)", optional=True),
    }
)
