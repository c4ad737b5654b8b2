"""Appointments: when they are, who and what takes part, what is said about them.

Spec: https://hl7.org/fhir/R4/appointment.html
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.actions import Book
from hl7_bridge.datatypes import codes, media, people
from hl7_bridge.er7 import Field, Segment
from hl7_bridge.functions.timing import (
    amount,
    bounds_of,
    length_of,
    minutes,
    quantity_bounds,
    shifted,
    unit_of_time,
)
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "BOOKED": "accepted", "CONFIRMED": "accepted", "STARTED": "accepted", "COMPLETE": "accepted",
        "OVERBOOK": "accepted", "PENDING": "needs-action", "WAITLIST": "tentative", "CANCELLED": "declined",
        "DELETED": "declined", "DC": "declined", "DISCONTINUED": "declined", "BLOCKED": "declined",
    }
)  # fmt: skip
"""Table 0278 (filler status) of one resource -> http://hl7.org/fhir/participationstatus."""


def schedule_times(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put SCH-9 to SCH-11 as minutesDuration, start and end; the time of day that TQ1 says wins over SCH-11."""
    timing = segment.field(11)
    length = minutes_in(segment, 9, 10)
    if length is None and (stated := length_of(timing.value(3))):
        length = minutes(*stated)
    if length:
        draft.resource["minutesDuration"] = length
    settle(draft.resource, quantity_bounds(timing, context))


def minutes_in(segment: Segment, number: int, unit: int) -> int | None:
    """Return the minutes of a duration and its unit, which stand in two fields.

    Errors: ConversionError naming the field, when it is no number
    """
    length = amount(segment, number)
    # A sender that counts in something else than time (units that nobody knows) means minutes.
    return (
        None if length is None else minutes(length, unit_of_time(segment.value(unit), segment.value(unit, 2)) or "min")
    )


def timing_times(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put TQ1-7 and TQ1-8 as start and end."""
    bounds = bounds_of(segment, 7, 8, context)
    if "start" in bounds:
        draft.resource.pop("end", None)
    settle(draft.resource, bounds)


def service_times(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Take AIS-4 to AIS-8 for start and end where SCH and TQ1 leave them open: from the first to the last service."""
    period = resource_period(segment, 4, draft, context)
    known = draft.resource
    if "start" in period and "start" not in known:
        settle(known, period)
    elif "end" in period and "end" not in known:
        settle(known, {"end": period["end"]})


def settle(appointment: Element, bounds: Element) -> None:
    """Put start and end where both say the time of day; an end that was not sent follows from the duration."""
    appointment.update({name: one for name, one in bounds.items() if "T" in one})
    start, length = appointment.get("start"), appointment.get("minutesDuration")
    if start and length and "end" not in appointment:
        appointment["end"] = shifted(start, length, "min")


def complete(_segment: Segment, draft: Draft, scope: Scope, _context: Context) -> None:
    """Finish an appointment: FHIR has start and end together, and none only of what is not booked."""
    appointment = draft.resource
    if "start" in appointment and "end" not in appointment:
        appointment["end"] = appointment["start"]
    if "start" not in appointment:
        appointment.pop("end", None)
        if scope.message.trigger == "S12":
            appointment["status"] = "proposed"
            draft.weak.add("status")
    if appointment.get("status") not in ("cancelled", "noshow"):
        appointment.pop("cancelationReason", None)
    if _names_patient_alone(scope):
        # A cancellation often names the appointment and the patient alone: who else takes part is not said.
        draft.weak.add("participant")


RESOURCES = ("AIG", "AIL", "AIP")
"""Segments of things, places and persons that take part."""


def _names_patient_alone(scope: Scope) -> bool:
    return not any(map(scope.every_segment, RESOURCES))


def resource_period(segment: Segment, first: int, draft: Draft, context: Context) -> Element:
    """Return the Period of a resource: start, offset, units of it, duration, units of it, from field `first` on.

    Errors: ConversionError naming the field that is no time or number
    """
    start = moment(segment, first, context)
    known = draft.resource.get("start")
    if not start and known and (offset := amount(segment, first + 1)) is not None:
        unit = unit_of_time(segment.value(first + 2), segment.value(first + 2, 2)) or "min"
        start = shifted(known, offset, unit)
    if not start:
        return {}
    length = minutes_in(segment, first + 3, first + 4)
    end = shifted(start, length, "min") if length else None
    return {"start": start, "end": end} if end else {"start": start}


Actor = Callable[[Segment, Field, Context], Element | None]


def participant(actor: Actor, start: int) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that adds a participant: actor in field 3, type in field 4, its time from `start` on."""

    def add(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        kind = codes.codeable_concept(segment.field(4), context, None) if segment.field(4) else None
        for field in segment.repetitions(3) or (segment.field(3),):
            reference = actor(segment, field, context) if field else None
            if reference is None and kind is None:
                continue
            found: Element = {"type": [kind]} if kind else {}
            if reference is not None:
                found["actor"] = reference
            found["status"] = status_of(segment, start + 6)
            if period := resource_period(segment, start, draft, context):
                found["period"] = period
            draft.resource["participant"] = [*draft.resource.get("participant", ()), found]

    return add


def book(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Ask that who and what takes part be free then; who only made the appointment, or is asked about it, need not be.

    Wards and clinics take many at a time: of places, rooms and beds are asked about.
    """
    schedule = scope.segment("SCH")
    overbooked = schedule is not None and schedule.value(25).strip().upper() == "OVERBOOK"
    if scope.message.trigger not in BOOKING or overbooked or draft.resource.get("status", "booked") not in TAKING:
        return
    known = {one.full_url: one for one in context.drafts if one.type in ("Practitioner", "Device", "Location")}
    actors = []
    for participant in draft.resource.get("participant", ()):
        actor = known.get(participant.get("actor", {}).get("reference", ""))
        attends = participant["status"] != "declined" and participant.get("required") != "information-only"
        if actor is not None and attends and (actor.type != "Location" or holds_one(actor.resource)):
            actors.append(actor.full_url)
    if actors or _names_patient_alone(scope):
        context.actions.append(Book(draft.full_url, tuple(dict.fromkeys(actors))))


BOOKING = frozenset({"S12", "S13", "S14", "S18", "S19", "S20"})
"""Events that take time: a new booking, another time, other resources."""
TAKING = frozenset({"booked", "pending", "arrived", "checked-in"})


def holds_one(location: Element) -> bool:
    kinds = location.get("physicalType", {}).get("coding", ())
    return any(one.get("code") in ("ro", "bd") for one in kinds) or not kinds


def status_of(segment: Segment, field: int) -> str:
    """Return whether a resource takes part: one that the message takes away (segment action code D) does not."""
    if segment.value(2).strip().upper() == "D":
        return "declined"
    return STATUSES.get(segment.value(field).strip().upper(), "accepted")


def person(_segment: Segment, field: Field, context: Context) -> Element | None:
    return people.practitioner(field, context, None)


def room(_segment: Segment, field: Field, context: Context) -> Element | None:
    return people.location(field, context, None)


PLACES = ("ROOM", "LOCATION", "BED", "WARD", "CLINIC", "SUITE", "BUILDING")
"""Words of AIG-4 (table 0274, filled by users) that tell a place from a thing."""


def thing(segment: Segment, field: Field, context: Context) -> Element | None:
    """Return a Reference to the Device of AIG-3, or to the Location when AIG-4 says that it is a place."""
    code, name = field.value(1).strip(), field.value(2).strip()
    if not code and not name:
        return None
    system = (
        context.sender.coding_system(field.value(3)) if field.value(3) else context.sender.authority("", "", "", "")
    )
    identifier = {"system": system, "value": code} if code else derived_identifier("Device", context.sender.name, name)
    kind = f"{segment.value(4)} {segment.value(4, 2)}".upper()
    resource: Element = {"resourceType": "Device", "identifier": [identifier]}
    if any(word in kind for word in PLACES):
        resource = {"resourceType": "Location", "identifier": [identifier], "name": name or code, "mode": "instance"}
    elif name:
        resource["deviceName"] = [{"name": name, "type": "user-friendly-name"}]
    return context.refer(resource, key_of(identifier), display=name or code)


def comment(segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Add NTE-3 to Appointment.comment, each note on lines of its own."""
    lines = [text for field in segment.repetitions(3) if field and (text := media.whole_text(field, _context, None))]
    if known := draft.resource.get("comment"):
        lines.insert(0, known)
    if lines:
        draft.resource["comment"] = "\n".join(lines)


def ordered(field: int, kind: str) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that adds the orders of a field (EI) to basedOn."""

    def add(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
        patient = scope.find("Patient")
        for one in segment.repetitions(field):
            value = one.value(1).strip()
            if not value or one.is_null or patient is None:
                continue
            system = context.sender.authority(*(one.value(part) for part in (2, 3, 4)), kind)
            typed = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": kind}]}
            identifier = {"type": typed, "system": system, "value": value}
            order = {
                "resourceType": "ServiceRequest", "identifier": [identifier], "status": "active", "intent": "order",
                "subject": patient.reference,
            }  # fmt: skip
            reference = context.refer(order, key_of(identifier))
            draft.resource["basedOn"] = [*draft.resource.get("basedOn", ()), reference]

    return add


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "schedule_times": Function(schedule_times, (11, 9, 10), "start, end, minutesDuration"),
        "timing_times": Function(timing_times, (7, 8), "start, end"),
        "service_times": Function(service_times, (4, 5, 6, 7, 8), "start, end"),
        "personnel": Function(participant(person, 6), (3, 2, 4, 6, 7, 8, 9, 10, 12), "participant"),
        "place": Function(participant(room, 6), (3, 2, 4, 6, 7, 8, 9, 10, 12), "participant"),
        "thing": Function(participant(thing, 8), (3, 2, 4, 8, 9, 10, 11, 12, 14), "participant"),
        "appointment_comment": Function(comment, (3,), "comment"),
        "placer_orders": Function(ordered(26, "PLAC"), (26,), "basedOn"),
        "filler_orders": Function(ordered(27, "FILL"), (27,), "basedOn"),
        "complete_appointment": Function(complete),
        "book": Function(book),
    }
)
