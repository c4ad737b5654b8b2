from typing import Any

import pytest

from hl7_bridge.inbound.booking import moment, overlapping, taken

DOCTOR = "Practitioner/1"


def appointment(start: str, end: str, **participant: Any) -> dict[str, Any]:
    actor = {"actor": {"reference": DOCTOR}, "status": "accepted", **participant}
    return {"resourceType": "Appointment", "id": "a", "start": start, "end": end, "participant": [actor]}


MORNING = appointment("2030-04-10T09:00:00+02:00", "2030-04-10T09:30:00+02:00")


def wanted(start: str, end: str) -> Any:
    return taken(appointment(start, end), DOCTOR)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2030-04-10T09:15:00+02:00", "2030-04-10T09:45:00+02:00"),
        ("2030-04-10T08:45:00+02:00", "2030-04-10T09:15:00+02:00"),
        ("2030-04-10T09:10:00+02:00", "2030-04-10T09:20:00+02:00"),
        ("2030-04-10T07:00:00Z", "2030-04-10T07:30:00Z"),
    ],
)
def test_times_that_share_a_moment_overlap(start: str, end: str) -> None:
    assert list(overlapping(DOCTOR, wanted(start, end), [MORNING])) == ["Appointment/a"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2030-04-10T09:30:00+02:00", "2030-04-10T10:00:00+02:00"),
        ("2030-04-10T08:30:00+02:00", "2030-04-10T09:00:00+02:00"),
        ("2030-04-10T09:00:00Z", "2030-04-10T09:30:00Z"),
    ],
)
def test_times_that_touch_or_lie_apart_do_not_overlap(start: str, end: str) -> None:
    assert list(overlapping(DOCTOR, wanted(start, end), [MORNING])) == []


def test_actor_is_taken_for_its_own_part_of_the_time() -> None:
    period = {"start": "2030-04-10T09:10:00+02:00", "end": "2030-04-10T09:20:00+02:00"}
    time = taken(appointment("2030-04-10T09:00:00+02:00", "2030-04-10T10:00:00+02:00", period=period), DOCTOR)
    assert time == (moment(period["start"]), moment(period["end"]))


@pytest.mark.parametrize("participant", [{"status": "declined"}, {"required": "information-only"}])
def test_who_does_not_attend_is_not_taken(participant: dict[str, str]) -> None:
    assert taken(appointment("2030-04-10T09:00:00Z", "2030-04-10T10:00:00Z", **participant), DOCTOR) is None


def test_appointment_of_others_takes_nobody_else() -> None:
    assert taken(MORNING, "Practitioner/2") is None


def test_appointment_without_a_time_of_day_takes_nobody() -> None:
    assert taken(appointment("2030-04-10", "2030-04-11"), DOCTOR) is None
