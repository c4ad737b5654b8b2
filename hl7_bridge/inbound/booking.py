"""No double booking: whoever and whatever an appointment takes is free at that time, or the message is refused.

Spec: https://hl7.org/fhir/R4/appointment.html
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from hl7_bridge.functions.scheduling import holds_one
from hl7_bridge.inbound.workspace import Workspace
from hl7_bridge.ports import Lookup, Question, Refused, Resource

TAKING: Final = ("booked", "pending", "arrived", "checked-in")
"""The statuses of an appointment that takes its participants' time."""


_MOST_DAYS: Final = 366


class Clash(Refused):
    """Participants of an appointment are taken at its time, by the appointments that `references` name."""

    def __init__(self, references: Sequence[str]) -> None:
        self.references = tuple(references)
        super().__init__(("Appointment", f"its time overlaps with {', '.join(self.references)}"))


async def book(appointment: str, actors: Sequence[str], lookup: Lookup, work: Workspace) -> None:
    """Make sure that actors of an appointment that is to be stored are free; all are references.

    Without any, those are asked about that are stored with it: the message says no more than another time.
    The appointments of an actor do not overlap each other: the one that begins last before this one ends tells.
    Errors: Clash; Refused and Unavailable of the lookup
    """
    wanted = work[appointment]
    actors = actors or await _attending(wanted, lookup)
    busy = {actor: time for actor in actors if not work.is_new(actor) and (time := taken(wanted, actor)) is not None}
    if wanted.get("status") not in TAKING or not busy:
        return
    if not work.is_new(appointment) and appointment not in work.changed():
        return
    # Whoever books one of them on the same day at the same moment takes the same names; one of the two looks again.
    work.claims += await lookup.claims(sorted({name for actor, time in busy.items() for name in days(actor, time)}))
    questions = [Question("Appointment", before(actor, end)) for actor, (_, end) in busy.items()]
    clashes = {
        found
        for (actor, time), others in zip(busy.items(), await lookup.find(questions), strict=True)
        for found in overlapping(actor, time, others)
        if found != appointment and not ended(found, work)
    }
    if clashes:
        raise Clash(sorted(clashes))


async def _attending(appointment: Resource, lookup: Lookup) -> list[str]:
    """Return the persons, things, rooms and beds that take part in an appointment."""
    named = [one.get("actor", {}).get("reference", "") for one in appointment.get("participant", ())]
    places = await lookup.read([one for one in named if one.startswith("Location/")])
    return [
        one
        for one in named
        if one.startswith(("Practitioner/", "Device/")) or (one in places and holds_one(places[one]))
    ]


def days(actor: str, time: tuple[datetime, datetime]) -> Iterator[str]:
    """Yield a name for each day (UTC) on which a time takes an actor, a year at most."""
    start, end = (one.astimezone(UTC).date() for one in time)
    for number in range(min((end - start).days, _MOST_DAYS) + 1):
        yield f"Appointment?actor={actor}&day={start + timedelta(number)}"


def before(actor: str, end: datetime) -> str:
    """Return the criteria of the appointments of an actor that begin before a moment, the last one first."""
    return f"actor={quote(actor, safe='/')}&status={','.join(TAKING)}&date=lt{quote(end.isoformat())}&_sort=-date"


def overlapping(actor: str, time: tuple[datetime, datetime], others: Sequence[Resource]) -> Iterator[str]:
    """Yield the references of the appointments that take an actor at a time."""
    start, end = time
    for other in others:
        theirs = taken(other, actor)
        if theirs is not None and theirs[0] < end and start < theirs[1]:
            yield f"Appointment/{other['id']}"


def taken(appointment: Resource, actor: str) -> tuple[datetime, datetime] | None:
    """Return from when to when an appointment takes an actor; None when it does not, or does not say when."""
    for participant in appointment.get("participant", ()):
        if participant.get("actor", {}).get("reference") == actor:
            if participant.get("status") == "declined" or participant.get("required") == "information-only":
                return None
            period = participant.get("period", {})
            start, end = (moment(period.get(name)) or moment(appointment.get(name)) for name in ("start", "end"))
            return (start, end) if start and end else None
    return None


def moment(text: str | None) -> datetime | None:
    """Return the moment of a dateTime; None for none, and for one that does not say the time of day."""
    return datetime.fromisoformat(text) if text and "T" in text else None


def ended(reference: str, work: Workspace) -> bool:
    """Return whether this very message ends an appointment."""
    return reference in work and work[reference].get("status") not in TAKING
