"""Intervals of FHIR dates: precision, zones, the edges of the calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.kernel.errors import Invalid
from fhir_server.kernel.fhir_time import EARLIEST, LATEST, bounds, instant

VIENNA = ZoneInfo("Europe/Vienna")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # as many parts as the case needs


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", utc(2024, 1, 1), utc(2025, 1, 1)),
        ("2024-12", utc(2024, 12, 1), utc(2025, 1, 1)),
        ("2024-02-29", utc(2024, 2, 29), utc(2024, 3, 1)),
        ("2024-05-01T10:00Z", utc(2024, 5, 1, 10), utc(2024, 5, 1, 10, 1)),
        ("2024-05-01T10:00:07Z", utc(2024, 5, 1, 10, 0, 7), utc(2024, 5, 1, 10, 0, 8)),
        ("2024-05-01T10:00:07.2Z", utc(2024, 5, 1, 10, 0, 7, 200_000), utc(2024, 5, 1, 10, 0, 7, 201_000)),
        ("2024-05-01T10:00:07.123456789Z", utc(2024, 5, 1, 10, 0, 7, 123_000), utc(2024, 5, 1, 10, 0, 7, 124_000)),
        ("2024-05-01T01:00:00+02:00", utc(2024, 4, 30, 23), utc(2024, 4, 30, 23, 0, 1)),
        ("2024-05-01T01:00:00 02:00", utc(2024, 4, 30, 23), utc(2024, 4, 30, 23, 0, 1)),
        ("2016-12-31T23:59:60Z", utc(2017, 1, 1), utc(2017, 1, 1, 0, 0, 1)),
        ("9999", utc(9999, 1, 1), LATEST),
        ("9999-12-31", utc(9999, 12, 31), LATEST),
        ("0001-01-01T00:00:00+14:00", EARLIEST, utc(1, 1, 1, 0, 0, 1)),
    ],
)
def test_text_denotes_an_interval(text: str, low: datetime, high: datetime) -> None:
    assert bounds(text) == (low, high)


def test_value_without_zone_is_read_in_the_given_one() -> None:
    assert bounds("2024-07-01T12:00:00", VIENNA)[0] == utc(2024, 7, 1, 10)
    assert bounds("2024-07-01T12:00:00Z", VIENNA)[0] == utc(2024, 7, 1, 12)


def test_day_of_clock_change_has_23_hours() -> None:
    low, high = bounds("2024-03-31", VIENNA)
    assert high - low == timedelta(hours=23)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "2024-13",
        "2023-02-29",
        "0000",
        "2024-1",
        "2024-05-01T25:00Z",
        "2024-05-01T10Z",
        "2024-05-01T10:00:61Z",
        "2024-05-01 10:00Z",
        "2024-05-01T10:00:00+15:00",
        "tomorrow",
        "2024\n",
        "٢٠٢٤",
        "2024-05-01T10:00:00." + "1" * 99,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        bounds(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_instant_is_read_back_to_the_millisecond(moment: datetime) -> None:
    low, high = bounds(instant(moment))
    assert low <= moment < high or moment > LATEST
    assert high - low == timedelta(milliseconds=1) or high == LATEST
