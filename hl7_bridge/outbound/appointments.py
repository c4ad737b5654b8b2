"""Appointment → SIU: S12 new, S14 changed, S15 cancelled, S17 deleted, S26 patient did not come.

Spec: https://hl7.org/fhir/R4/appointment.html
"""

from collections.abc import Mapping
from typing import Final

from hl7_bridge.er7 import Value
from hl7_bridge.outbound.draft import Draft, OutboundError
from hl7_bridge.outbound.elements import Components, Element, ce, ei, kind_of, time
from hl7_bridge.outbound.patients import add_patient
from hl7_bridge.outbound.people import person, place
from hl7_bridge.outbound.setting import Resource, Setting
from hl7_bridge.outbound.vocabulary import code

_UNITS: Final = ("min", "minutes", "UCUM")
_STATUSES: Final = "HL70278"


def appointment_message(setting: Setting) -> Draft:
    """Return the SIU of an Appointment.

    Errors: OutboundError when no participant is a known Patient
    """
    appointment = setting.resource
    trigger = _trigger(setting)
    draft = Draft("SIU", trigger, "SIU_S12")
    draft.add("SCH", _schedule(appointment, trigger, setting))
    draft.notes([appointment.get("comment", ""), appointment.get("description", "")])
    patients = [one for one in _actors(setting, "Patient") if one]
    if not patients:
        raise OutboundError("Appointment.participant", "a message needs a known Patient")
    add_patient(draft, setting, patients[0])
    draft.add("RGS", {1: "1", 2: _action(trigger)})
    _add_resources(draft, setting, _action(trigger))
    return draft


def _trigger(setting: Setting) -> str:
    if setting.event == "delete":
        return "S17"
    ended = code("appointment-event", setting.resource.get("status"))
    return ended or ("S12" if setting.event == "create" else "S14")


def _action(trigger: str) -> str:
    return {"S12": "A", "S14": "U"}.get(trigger, "D" if trigger in ("S15", "S17") else "")


def _schedule(appointment: Resource, trigger: str, setting: Setting) -> dict[int, Value]:
    partner = setting.partner
    placer, filler = _numbers(appointment)
    start, end = time(appointment.get("start")), time(appointment.get("end"))
    reasons = appointment.get("reasonCode", ())
    status = "Deleted" if trigger == "S17" else code("appointment-status", appointment.get("status"))
    happened: Components = ce(appointment.get("cancelationReason"), partner) if trigger in ("S15", "S26") else ()
    return {
        1: ei(placer, partner),
        2: ei(filler, partner),
        6: happened or ("", _HAPPENED[trigger]),
        7: ce(reasons[0] if reasons else None, partner),
        8: ce(appointment.get("appointmentType"), partner),
        **_duration(appointment, 9),
        11: ("", "", "", start, end),
        16: _ourselves(setting),
        20: _ourselves(setting),
        25: (status, "", _STATUSES) if status else "",
    }


_HAPPENED: Final = {
    "S12": "new appointment",
    "S14": "appointment changed",
    "S15": "appointment cancelled",
    "S17": "appointment deleted",
    "S26": "patient did not come",
}
"""What SCH-6, which must not be empty, says of an event for which nobody gave a reason."""


def _numbers(appointment: Resource) -> tuple[Element | None, Element]:
    """Return placer and filler number; the appointment's id stands in for a filler number."""
    identifiers = appointment.get("identifier", ())
    placer = next((one for one in identifiers if kind_of(one) == "PLAC"), None)
    filler = next((one for one in identifiers if kind_of(one) != "PLAC"), {"value": appointment.get("id", "")})
    return placer, filler


def _duration(appointment: Resource, field: int) -> dict[int, Value]:
    minutes = appointment.get("minutesDuration")
    return {field: str(minutes), field + 1: _UNITS} if minutes else {}


def _ourselves(setting: Setting) -> Components:
    """Return an XCN without name: SCH-16 and SCH-20 must not be empty, and nobody knows who sat at the screen."""
    return (*("",) * 8, (setting.partner.sender[0], "", ""))


def _actors(setting: Setting, kind: str) -> list[Resource]:
    actors = setting.every(one.get("actor") for one in setting.resource.get("participant", ()))
    return [one for one in actors if one.get("resourceType") == kind]


def _add_resources(draft: Draft, setting: Setting, action: str) -> None:
    """Add AIS for the services, and AIP, AIL or AIG for each participant but the patient, in the grammar's order."""
    appointment, partner = setting.resource, setting.partner
    start = time(appointment.get("start"))
    for number, service in enumerate(appointment.get("serviceType", ()), 1):
        times = {4: start, **_duration(appointment, 7)}
        draft.add("AIS", {1: str(number), 2: action, 3: ce(service, partner), **times})
    found: dict[str, list[dict[int, Value]]] = {"AIG": [], "AIL": [], "AIP": []}
    for participant in appointment.get("participant", ()):
        name, fields = _resource(participant, setting)
        if name:
            found[name].append(fields)
    for name, several in found.items():
        for number, fields in enumerate(several, 1):
            draft.add(name, {1: str(number), 2: action, **fields})


def _resource(participant: Element, setting: Setting) -> tuple[str, dict[int, Value]]:
    """Return the segment of a participant and its fields; ("", {}) for patients, who have PID."""
    reference = participant.get("actor", {})
    kind = reference.get("reference", "").rpartition("/")[0].rpartition("/")[2]
    role = ce(next(iter(participant.get("type", ())), None), setting.partner)
    taking_part = code("participation-status", participant.get("status"), "Booked")
    status: Components = (taking_part, "", _STATUSES)
    match kind:
        case "Patient" | "":
            return "", {}
        case "Location":
            return "AIL", {3: place(reference, setting), 4: role, **_times(setting, 6), 12: status}
        case "Practitioner" | "PractitionerRole" | "RelatedPerson":
            return "AIP", {3: person(reference, setting), 4: role, **_times(setting, 6), 12: status}
        case _:
            return "AIG", {3: _thing(reference, setting), 4: role or ("", kind), **_times(setting, 8), 14: status}


def _times(setting: Setting, field: int) -> Mapping[int, Value]:
    return {field: time(setting.resource.get("start")), **_duration(setting.resource, field + 3)}


def _thing(reference: Element, setting: Setting) -> Components:
    """Return a device or service as CE."""
    found = setting.get(reference) or {}
    identifier: Element = next((one for one in found.get("identifier", ()) if one.get("value")), {})
    names = found.get("deviceName") or [{}]
    name = reference.get("display") or found.get("name") or names[0].get("name", "")
    system = setting.partner.coding_system(identifier.get("system")) if identifier else ""
    return (identifier.get("value", ""), name, system)
