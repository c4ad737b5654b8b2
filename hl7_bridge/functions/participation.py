"""Who and what takes part in a visit, a procedure or a result: what ROL and PRT say that rules alone cannot.

Spec: https://hl7.org/fhir/R4/encounter-definitions.html#Encounter.participant, https://hl7.org/fhir/R4/device.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, contacts, people
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

Places = tuple[int, int, int, int]
"""Fields of a segment: role, person, begin and end."""

ROLES: Mapping[str, str] = MappingProxyType({"ROL": "0443", "PRT": "0912"})
"""Table of the roles that a segment tells."""
ROLE: Places = (3, 4, 5, 6)
PARTICIPATION: Places = (4, 5, 11, 12)


def participant(places: Places) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that adds a person to the participants of a visit, with the role and its time."""
    kind, person, begin, end = places

    def add(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        role = codes.codeable_concept(segment.field(kind), context, context.sender.tables[ROLES[segment.name]])
        ends = {"start": moment(segment, begin, context), "end": moment(segment, end, context)}
        period = {name: one for name, one in ends.items() if one}
        for field in segment.repetitions(person):
            if individual := people.practitioner(field, context, None):
                found: Element = {"type": [role]} if role else {}
                found["individual"] = individual
                if period:
                    found["period"] = period
                draft.resource["participant"] = [*draft.resource.get("participant", ()), found]

    return add


def performer(places: Places) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that adds a person to the performers of a procedure, with the role."""
    kind, person, *_ = places

    def add(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        role = codes.codeable_concept(segment.field(kind), context, context.sender.tables[ROLES[segment.name]])
        for field in segment.repetitions(person):
            if actor := people.practitioner(field, context, None):
                found: Element = {"function": role} if role else {}
                draft.resource["performer"] = [*draft.resource.get("performer", ()), {**found, "actor": actor}]

    return add


@dataclass(frozen=True, slots=True)
class Employment:
    """Fields of a segment that tell where a person works: person, specialty, place, organization, how to be reached."""

    role: int
    person: int
    begin: int
    end: int
    specialty: int
    organization: int
    place: int
    address: int
    phone: int

    @property
    def reads(self) -> tuple[int, ...]:
        """What is read of the person beyond its part in the visit."""
        return (self.specialty, self.organization, self.place, self.address, self.phone)


ROLE_AT = Employment(3, 4, 5, 6, specialty=9, organization=14, place=13, address=11, phone=12)
PARTICIPATION_AT = Employment(4, 5, 11, 12, specialty=6, organization=8, place=9, address=14, phone=15)


def employed(places: Employment) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that tells of a person, where nobody else does, how to reach them and where they work."""

    def add(segment: Segment, _draft: Draft, _scope: Scope, context: Context) -> None:
        person = people.practitioner(segment.field(places.person), context, None)
        if person is None:
            return
        thin = named_in_passing(person, context)
        kinds = (("address", places.address, contacts.address), ("telecom", places.phone, contacts.contact_point))
        for name, field, convert in kinds:
            given = [one for one in segment.repetitions(field) if one and not one.is_null]
            found = [value for one in given if (value := convert(one, context, None))]
            if found and name not in thin.resource:
                thin.resource = {**thin.resource, name: found}
        work_place(segment, places, person, context)

    return add


def work_place(segment: Segment, places: Employment, person: Element, context: Context) -> None:
    """Name in passing the PractitionerRole of a person, when the segment tells of an organization or a place."""
    organization = people.organization(segment.field(places.organization), context, None)
    location = people.location(segment.field(places.place), context, None)
    if organization is None and location is None:
        return
    raw = (segment.raw(field) for field in (places.person, places.organization, places.place, places.role))
    identifier = derived_identifier("PractitionerRole", context.sender.name, *raw)
    specialties = [codes.codeable_concept(one, context, None) for one in segment.repetitions(places.specialty) if one]
    ends = {"start": moment(segment, places.begin, context), "end": moment(segment, places.end, context)}
    told: Element = {
        "period": {name: one for name, one in ends.items() if one},
        "practitioner": person,
        "organization": organization,
        "location": [location] if location else None,
        "specialty": [one for one in specialties if one],
    }
    role = {"resourceType": "PractitionerRole", "identifier": [identifier]}
    context.refer(role | {name: value for name, value in told.items() if value}, key_of(identifier))


def named_in_passing(reference: Element, context: Context) -> Draft:
    """Return the thin entry that a reference of this message means."""
    return next(one for one in context.drafts if one.full_url == reference["reference"])


def participating_device(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put the Device of PRT-10, else that of its UDI (PRT-16), with its dates, lot and serial number."""
    number = 10 if segment.value(10).strip(' "') else 16
    reference = people.device(segment.field(number), context, None) if segment.field(number) else None
    if reference is None:
        return
    details: Element = {
        "manufactureDate": moment(segment, 17, context),
        "expirationDate": moment(segment, 18, context),
        "lotNumber": segment.value(19).strip(' "'),
        "serialNumber": segment.value(20).strip(' "'),
        "distinctIdentifier": segment.value(21).strip(' "'),
        "type": codes.codeable_concept(segment.field(22), context, None) if segment.field(22) else None,
    }
    if udi := segment.value(16).strip(' "'):
        details["udiCarrier"] = [{"deviceIdentifier": udi}]
    thin = named_in_passing(reference, context)
    thin.resource = {**thin.resource, **{name: value for name, value in details.items() if value}}
    draft.resource.setdefault("device", reference)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "role_of_visit": Function(participant(ROLE), (4, 3, 5, 6), "participant"),
        "role_of_procedure": Function(performer(ROLE), (4, 3), "performer"),
        "role_employed": Function(employed(ROLE_AT), (5, 6, *ROLE_AT.reads), "PractitionerRole", optional=True),
        "participation_of_visit": Function(participant(PARTICIPATION), (5, 4, 11, 12), "participant"),
        "participation_of_procedure": Function(performer(PARTICIPATION), (5, 4), "performer"),
        "participation_employed": Function(
            employed(PARTICIPATION_AT), (11, 12, *PARTICIPATION_AT.reads), "PractitionerRole", optional=True
        ),
        "participating_device": Function(
            participating_device, (10, 16, 17, 18, 19, 20, 21, 22), "device", optional=True
        ),
    }
)
