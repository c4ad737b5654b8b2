"""The clinic itself: organization, rooms, practitioners with their roles and schedules.

Spec: https://hl7.org/fhir/R4/administration-module.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from fhir_server.demo.drafting import (
    SNOMED,
    TERMINOLOGY,
    Dice,
    Drafted,
    Vocabulary,
    concept,
    identifier,
    instant,
    written,
)
from fhir_server.kernel.types import Resource

ORGANIZATION = "riverside"
"""Value of the clinic's own identifier."""

_FIRST_HOUR, _LAST_HOUR = 9, 16
_DAYS_OPEN = 5


@dataclass(frozen=True, slots=True)
class Doctor:
    """A practitioner and what belongs to one."""

    practitioner: Drafted
    role: Drafted
    schedule: Drafted
    room: Drafted


@dataclass(frozen=True, slots=True)
class Staff:
    """Who works where; `working_days` are those for which there are slots."""

    organization: Drafted
    payers: tuple[Drafted, ...]
    rooms: tuple[Drafted, ...]
    doctors: tuple[Doctor, ...]
    working_days: tuple[date, ...]

    def drafted(self) -> Iterator[Drafted]:
        """Yield all of it, each before what refers to it."""
        yield self.organization
        yield from self.payers
        yield from self.rooms
        for doctor in self.doctors:
            yield from (doctor.practitioner, doctor.role, doctor.schedule)


def staff(dice: Dice, today: date) -> Staff:
    """Return the clinic's staff, with schedules for the working days from today on."""
    words = dice.words
    organization = dice.draft("Organization", _organization(words["clinic"]), words["clinic"]["name"])
    payers = tuple(dice.draft("Organization", _payer(row), row["name"]) for row in words["payers"])
    rooms = tuple(dice.draft("Location", _room(name, organization), name) for name in words["rooms"])
    days = working_days(today)
    doctors = tuple(
        _doctor(dice, organization, room, days, number)
        for number, room in enumerate(rooms[: len(words["specialties"])])
    )
    return Staff(organization, payers, rooms, doctors, days)


def working_days(today: date) -> tuple[date, ...]:
    """Return the next days, today included, that are neither Saturday nor Sunday."""
    following = (today + timedelta(days=number) for number in range(_DAYS_OPEN + 4))
    return tuple(day for day in following if day.weekday() < 5)[:_DAYS_OPEN]


def _organization(clinic: Vocabulary) -> Resource:
    return {
        "identifier": [identifier("organization", ORGANIZATION)],
        "active": True,
        "type": [concept(TERMINOLOGY + "organization-type", "prov", "Healthcare Provider")],
        "name": clinic["name"],
        "telecom": [{"system": "phone", "value": clinic["phone"], "use": "work"}],
        "address": [_address(clinic, clinic["line"])],
    }


def _payer(row: Vocabulary) -> Resource:
    return {
        "active": True,
        "type": [concept(TERMINOLOGY + "organization-type", "pay", "Payer")],
        "name": row["name"],
    }


def _room(name: str, organization: Drafted) -> Resource:
    return {
        "status": "active",
        "name": name,
        "mode": "instance",
        "physicalType": concept(TERMINOLOGY + "location-physical-type", "ro", "Room"),
        "managingOrganization": organization.reference,
    }


def _doctor(dice: Dice, organization: Drafted, room: Drafted, days: tuple[date, ...], number: int) -> Doctor:
    specialty = dice.words["specialties"][number]
    gender = dice.one(("female", "male"))
    given, family = dice.one(dice.words["given_names"][gender]), dice.one(dice.words["family_names"])
    name = f"{specialty['title']} {given} {family}"
    kind = concept(SNOMED, specialty["code"], specialty["display"])
    practitioner = dice.draft(
        "Practitioner",
        {
            "identifier": [identifier("practitioner", f"D{number + 1:03}")],
            "active": True,
            "name": [{"use": "official", "family": family, "given": [given], "prefix": [specialty["title"]]}],
            "gender": gender,
        },
        name,
    )
    works = {"practitioner": practitioner.reference, "organization": organization.reference}
    role = dice.draft(
        "PractitionerRole", {"active": True, **works, "specialty": [kind], "location": [room.reference]}, name
    )
    schedule = dice.draft(
        "Schedule",
        {
            "active": True,
            "specialty": [kind],
            "actor": [practitioner.reference, room.reference],
            "planningHorizon": {
                "start": written(instant(days[0], _FIRST_HOUR)),
                "end": written(instant(days[-1], _LAST_HOUR)),
            },
        },
        f"Schedule of {name}",
    )
    return Doctor(practitioner, role, schedule, room)


def _address(clinic: Vocabulary, line: str) -> Resource:
    return {
        "line": [line],
        "city": clinic["city"],
        "postalCode": clinic["postal_code"],
        "country": clinic["country"],
    }
