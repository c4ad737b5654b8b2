"""FHIR's dates, dateTimes and instants as half-open UTC intervals, and instants as text.

The resolution is MongoDB's: a millisecond. What is written finer denotes the millisecond that it lies in.

Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime, https://hl7.org/fhir/R4/search.html#date
"""

import re
from datetime import MAXYEAR, UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from fhir_server.kernel.errors import Invalid, Issue

EARLIEST = datetime.min.replace(tzinfo=UTC)
"""The lower bound of a period without start."""

LATEST = datetime.max.replace(microsecond=999_000, tzinfo=UTC)
"""The upper bound of a period without end."""

_FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+\- ](?:0\d|1[0-4]):[0-5]\d)?)?)?)?",
    re.ASCII,
)
_MILLISECOND, _SECOND, _MINUTE, _DAY = (
    timedelta(milliseconds=1),
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(days=1),
)
_LONGEST = 64


@lru_cache(maxsize=8192)
def bounds(text: str, zone: tzinfo = UTC) -> tuple[datetime, datetime]:
    """Return the half-open UTC interval that a FHIR date of any precision denotes.

    Shape:  "2024-05" -> (2024-05-01T00:00Z, 2024-06-01T00:00Z); hours and minutes without seconds are a minute;
            a blank stands for the "+" of a zone, which URLs turn into one
    Units:  UTC, whole milliseconds; a value without zone is read in `zone`
    Errors: Invalid (code "value") when the text is not a FHIR date, or no day of the calendar
    Spec:   https://hl7.org/fhir/R4/search.html#date
    """
    match = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise Invalid(Issue("value", "not a FHIR date"))
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        if hour is None:
            return _calendar(int(year), int(month or 0), int(day or 0), zone)
        at = datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}").replace(tzinfo=_zone(offset) or zone)
    except ValueError:
        raise Invalid(Issue("value", "not a day and time of the calendar")) from None
    seconds, milliseconds = int(second or 0), int((fraction or "0")[:3].ljust(3, "0"))
    if seconds > 60:  # 60 is a leap second, read as the first instant of the next minute
        raise Invalid(Issue("value", "not a day and time of the calendar"))
    start = _later(_utc(at), timedelta(seconds=seconds, milliseconds=milliseconds))
    return start, _later(start, _MINUTE if second is None else _MILLISECOND if fraction else _SECOND)


def instant(moment: datetime) -> str:
    """Return the FHIR instant of an aware time in UTC: "2026-11-22T15:00:00.123Z"."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _calendar(year: int, month: int, day: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the interval of a year, month or day; what is not given is 0."""
    start = datetime(year, month or 1, day or 1, tzinfo=zone)
    if day:
        return _utc(start), _later(_utc(start), _DAY) if zone is UTC else _next_day(start)
    next_month = (year, month + 1) if 0 < month < 12 else (year + 1, 1)
    return _utc(start), _utc(datetime(*next_month, 1, tzinfo=zone)) if next_month[0] <= MAXYEAR else LATEST


def _next_day(start: datetime) -> datetime:
    """Return the next midnight of the zone's clocks, which may be 23 or 25 hours away."""
    return _utc(start + _DAY) if start.date() < date.max else LATEST


@lru_cache(maxsize=64)
def _zone(text: str | None) -> tzinfo | None:
    return None if text is None else datetime.fromisoformat("2000-01-01T00:00" + text.replace(" ", "+")).tzinfo


def _utc(local: datetime) -> datetime:
    """Return the UTC time, at the edges of the calendar the nearest that there is."""
    try:
        return min(local.astimezone(UTC), LATEST)
    except OverflowError:
        return EARLIEST if local.year == 1 else LATEST


def _later(moment: datetime, length: timedelta) -> datetime:
    return moment + length if moment <= LATEST - length else LATEST
