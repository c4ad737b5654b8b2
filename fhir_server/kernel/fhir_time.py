"""FHIR's dates, dateTimes and instants as half-open UTC intervals, and instants as text.

The resolution is MongoDB's: a millisecond. What is written finer denotes the millisecond that it lies in.

Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime, https://hl7.org/fhir/R4/search.html#date
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
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
_MILLISECOND = timedelta(milliseconds=1)
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
        # A leap second is read as the first instant of the next minute: Python knows none.
        leap = second == "60"
        start = datetime(int(year), int(month), int(day), int(hour), int(minute), 59 if leap else int(second or 0))
    except ValueError:
        raise Invalid(Issue("value", "not a day and time of the calendar")) from None
    start += timedelta(seconds=leap, milliseconds=int((fraction or "0")[:3].ljust(3, "0")))
    length = timedelta(minutes=1) if second is None else _MILLISECOND if fraction else timedelta(seconds=1)
    lower = _utc(start, _offset(offset, zone))
    return lower, _later(lower, length)


def instant(moment: datetime) -> str:
    """Return the FHIR instant of an aware time in UTC: "2026-11-22T15:00:00.123Z"."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _calendar(year: int, month: int, day: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the interval of a year, month or day; what is not given is 0."""
    start = datetime(year, month or 1, day or 1)
    if day:
        end = _later(start, timedelta(days=1))
    elif month:
        end = datetime(year + month // 12, month % 12 + 1, 1) if (year, month) != (9999, 12) else datetime.max
    else:
        end = datetime(year + 1, 1, 1) if year < 9999 else datetime.max
    return _utc(start, zone), _utc(end, zone)


def _offset(text: str | None, zone: tzinfo) -> tzinfo:
    return zone if text is None else _zone(text)


@lru_cache(maxsize=64)
def _zone(text: str) -> tzinfo:
    return datetime.fromisoformat("2000-01-01T00:00:00" + text.replace(" ", "+")).tzinfo or UTC


def _utc(local: datetime, zone: tzinfo) -> datetime:
    """Return the UTC time, at the edges of the calendar the nearest that there is."""
    try:
        moment = local.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return EARLIEST if local.year == 1 else LATEST
    return min(moment, LATEST)


def _later(moment: datetime, length: timedelta) -> datetime:
    try:
        return moment + length
    except OverflowError:
        return datetime.max if moment.tzinfo is None else LATEST
