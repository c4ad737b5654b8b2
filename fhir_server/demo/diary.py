"""The clinic's diary: slots of the working days from today on, and the appointments that fill some of them.

Spec: https://hl7.org/fhir/R4/slot.html, https://hl7.org/fhir/R4/appointment.html
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from fhir_server.demo.drafting import SNOMED, TERMINOLOGY, Dice, Drafted, concept, instant, written
from fhir_server.demo.people import Person
from fhir_server.demo.staff import Doctor, Staff
from fhir_server.kernel.types import Resource

_FIRST_HOUR, _LAST_HOUR = 9, 16
_MINUTES = 30
_TODAY_STATUS = ("booked", "booked", "arrived", "checked-in")


def diary(dice: Dice, staff: Staff, people: Sequence[Person], today: date) -> Iterator[Drafted]:
    """Yield the slots, and one appointment for each patient, with the patient's own doctor."""
    waiting = {doctor.schedule.url: [row for row in people if row.doctor is doctor] for doctor in staff.doctors}
    for doctor in staff.doctors:
        starts = [start for day in staff.working_days for start in _starts(day)]
        # Patients come mostly in the first days: every second half-hour from today on.
        visits = dict(zip(starts[::2], waiting[doctor.schedule.url], strict=False))
        for start in starts:
            person = visits.get(start)
            slot = _slot(dice, doctor, start, "free" if person is None else "busy")
            yield slot
            if person is not None:
                yield _appointment(dice, person, doctor, slot, start.date() == today)


def _starts(day: date) -> Iterator[datetime]:
    start, end = instant(day, _FIRST_HOUR), instant(day, _LAST_HOUR)
    while start < end:
        yield start
        start += timedelta(minutes=_MINUTES)


def _slot(dice: Dice, doctor: Doctor, start: datetime, status: str) -> Drafted:
    return dice.draft(
        "Slot",
        {
            "schedule": doctor.schedule.reference,
            "status": status,
            "start": written(start),
            "end": written(start + timedelta(minutes=_MINUTES)),
        },
    )


def _appointment(dice: Dice, person: Person, doctor: Doctor, slot: Drafted, is_today: bool) -> Drafted:
    visit = dice.one(dice.words["visits"])
    return dice.draft(
        "Appointment",
        {
            "status": dice.one(_TODAY_STATUS) if is_today else "booked",
            "serviceType": [concept(SNOMED, visit["code"], visit["display"])],
            "appointmentType": concept(TERMINOLOGY + "v2-0276", "ROUTINE", "Routine appointment"),
            "description": visit["display"],
            "start": slot.resource["start"],
            "end": slot.resource["end"],
            "minutesDuration": _MINUTES,
            "slot": [slot.reference],
            "participant": [_accepted(who) for who in (person.patient, doctor.practitioner, doctor.room)],
        },
    )


def _accepted(who: Drafted) -> Resource:
    return {"actor": who.reference, "required": "required", "status": "accepted"}
