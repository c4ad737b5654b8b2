"""No double booking: an appointment that takes what is taken is refused, and nothing of it is stored."""

import asyncio
from typing import Any

import httpx2
import pytest

from hl7_bridge.er7 import Message, parse
from tests.hl7_bridge.made import ER7, message, unique

pytestmark = pytest.mark.anyio

DAY = "20300410"
CLERK = "|" * 9 + "C1^ENTER^EVE^^^^^^HOSP" + "|" * 5
"""SCH-20: the same person enters all appointments."""


class Schedule:
    """What one test sends: its own patients, appointments, doctor and room."""

    def __init__(self, fhir: httpx2.AsyncClient) -> None:
        self.fhir = fhir
        self.doctor, self.room = unique("DR"), unique("R")

    async def send(
        self,
        number: str,
        start: str,
        *,
        event: str = "S12",
        minutes: int = 30,
        status: str = "",
        extra: str | None = None,
    ) -> Message:
        resources = extra if extra is not None else f"AIP|1||{self.doctor}^HOUSE^GREG^^^^^^HOSP"
        raw = message(
            f"SCH||{number}^PLAN|||||||{minutes}|min|^^^{DAY}{start}00+0200{CLERK}{status}",
            f"PID|1||{unique('P')}^^^HOSP^MR||DOE^JANE",
            "RGS|1",
            resources,
            type_=f"SIU^{event}^SIU_S12",
            control_id=unique("B"),
            sender="PLAN|HOSP",
        )
        answer = await self.fhir.post("http://test/hl7/v2", content=raw, headers={"content-type": ER7})
        return parse(answer.content)

    async def appointments(self, number: str) -> list[dict[str, Any]]:
        found = await self.fhir.get(f"/Appointment?identifier=urn:hl7v2:authority:PLAN|{number}")
        return [entry["resource"] for entry in found.raise_for_status().json().get("entry", ())]


def code(ack: Message) -> str:
    told = ack.first("MSA")
    assert told is not None
    return told.value(1)


@pytest.fixture
def schedule(fhir: httpx2.AsyncClient) -> Schedule:
    return Schedule(fhir)


async def test_time_that_is_taken_is_refused_and_nothing_is_stored(schedule: Schedule) -> None:
    first, second = unique("A"), unique("A")
    assert code(await schedule.send(first, "0900")) == "AA"
    ack = await schedule.send(second, "0915")
    assert code(ack) == "AE"
    error = ack.first("ERR")
    assert error is not None
    assert (error.value(2, 1), error.value(2, 3)) == ("SCH", "11")
    assert await schedule.appointments(second) == []


@pytest.mark.parametrize("start", ["0830", "0930"])
async def test_time_that_only_touches_is_free(schedule: Schedule, start: str) -> None:
    assert code(await schedule.send(unique("A"), "0900")) == "AA"
    assert code(await schedule.send(unique("A"), start)) == "AA"


async def test_long_appointment_over_a_short_one_is_refused(schedule: Schedule) -> None:
    assert code(await schedule.send(unique("A"), "0900")) == "AA"
    assert code(await schedule.send(unique("A"), "0800", minutes=240)) == "AE"


@pytest.mark.parametrize(("start", "outcome"), [("0915", "AE"), ("1000", "AA")])
async def test_another_time_alone_must_suit_who_takes_part_already(
    schedule: Schedule, start: str, outcome: str
) -> None:
    moved = unique("A")
    assert code(await schedule.send(unique("A"), "0900")) == "AA"
    assert code(await schedule.send(moved, "1100")) == "AA"
    elsewhere = f"AIP|1||{unique('DR')}^CUDDY^LISA^^^^^^HOSP"
    assert code(await schedule.send(unique("A"), "1000", extra=elsewhere)) == "AA"  # entered by the same person
    [before] = await schedule.appointments(moved)
    assert code(await schedule.send(moved, start, event="S13", extra="")) == outcome
    [stored] = await schedule.appointments(moved)
    assert stored["start"].startswith(f"2030-04-10T{'11:00' if outcome == 'AE' else '10:00'}")
    actors = [{one["actor"]["reference"] for one in found["participant"]} for found in (before, stored)]
    assert actors[0] <= actors[1]


async def test_someone_else_is_free(schedule: Schedule, fhir: httpx2.AsyncClient) -> None:
    assert code(await schedule.send(unique("A"), "0900")) == "AA"
    assert code(await Schedule(fhir).send(unique("A"), "0900")) == "AA"


async def test_appointment_does_not_stand_in_its_own_way(schedule: Schedule) -> None:
    number = unique("A")
    assert code(await schedule.send(number, "0900")) == "AA"
    assert code(await schedule.send(number, "0910", event="S13")) == "AA"
    assert [one["start"] for one in await schedule.appointments(number)] == ["2030-04-10T09:10:00+02:00"]


async def test_moved_appointment_may_not_take_what_is_taken(schedule: Schedule) -> None:
    first, second = unique("A"), unique("A")
    assert code(await schedule.send(first, "0900")) == "AA"
    assert code(await schedule.send(second, "1100")) == "AA"
    assert code(await schedule.send(second, "0915", event="S13")) == "AE"
    assert [one["start"] for one in await schedule.appointments(second)] == ["2030-04-10T11:00:00+02:00"]


async def test_cancelled_appointment_gives_its_time_back(schedule: Schedule) -> None:
    first = unique("A")
    assert code(await schedule.send(first, "0900")) == "AA"
    assert code(await schedule.send(first, "0900", event="S15")) == "AA"
    assert code(await schedule.send(unique("A"), "0900")) == "AA"


async def test_cancellation_asks_nobody(schedule: Schedule) -> None:
    assert code(await schedule.send(unique("A"), "0900")) == "AA"
    assert code(await schedule.send(unique("A"), "0900", event="S15")) == "AA"


async def test_schedule_may_overbook_where_it_says_so(schedule: Schedule) -> None:
    assert code(await schedule.send(unique("A"), "0900")) == "AA"
    assert code(await schedule.send(unique("A"), "0900", status="Overbook")) == "AA"


async def test_room_is_taken_and_clinic_is_not(schedule: Schedule) -> None:
    room, clinic = f"AIL|1||OPD^{schedule.room}^^HOSP", f"AIL|1||{schedule.room}C^^^HOSP"
    assert code(await schedule.send(unique("A"), "0900", extra=room)) == "AA"
    assert code(await schedule.send(unique("A"), "0900", extra=room)) == "AE"
    assert code(await schedule.send(unique("A"), "0900", extra=clinic)) == "AA"
    assert code(await schedule.send(unique("A"), "0900", extra=clinic)) == "AA"


async def test_equipment_is_taken_for_its_own_part_of_the_time(schedule: Schedule) -> None:
    machine = f"AIG|1||{schedule.room}^Scanner^L|EQ||||{DAY}090000+0200|||10|min"
    assert code(await schedule.send(unique("A"), "0900", minutes=60, extra=machine)) == "AA"
    later = f"AIG|1||{schedule.room}^Scanner^L|EQ||||{DAY}091500+0200|||10|min"
    assert code(await schedule.send(unique("A"), "0915", extra=later)) == "AA"
    assert code(await schedule.send(unique("A"), "0905", extra=machine)) == "AE"


async def test_person_who_enters_appointments_may_enter_many(schedule: Schedule, fhir: httpx2.AsyncClient) -> None:
    first, second = unique("A"), unique("A")
    assert code(await schedule.send(first, "0900")) == "AA"
    assert code(await Schedule(fhir).send(second, "0900")) == "AA"
    clerks = {
        participant["actor"]["reference"]
        for number in (first, second)
        for participant in (await schedule.appointments(number))[0]["participant"]
        if participant.get("required") == "information-only"
    }
    assert len(clerks) == 1


async def test_of_two_that_come_at_the_same_time_one_gets_it(schedule: Schedule) -> None:
    # Known to the store, so that the two do not meet over who creates the doctor.
    assert code(await schedule.send(unique("A"), "0800")) == "AA"
    acks = await asyncio.gather(*(schedule.send(unique("A"), "0900") for _ in range(4)))
    assert sorted(map(code, acks)) == ["AA", "AE", "AE", "AE"]
