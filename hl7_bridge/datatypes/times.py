"""DT, TM, DTM and TS become FHIR date, time, dateTime and instant; precision and offset are kept.

Spec: https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

MOMENT = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?P<fraction>\.\d{1,9})?)?)?)?)?)?(?P<offset>[+-]\d{4})?\Z",
    re.ASCII,
)
ISO_DATE = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII
)
FAR, END_OF_TIME = 2200, 9999
"""Years between are two digits of a year and a month: 450101 is of 1945, and nobody can tell from 2045."""
TIME = re.compile(r"(\d\d)(\d\d)?(?:(\d\d)(\.\d{1,9})?)?(?:[+-]\d{4})?\Z", re.ASCII)


class BadValue(ValueError):
    """A text that is no value of its datatype; `component` says where in the field it stands."""

    def __init__(self, text: str, component: int = 1) -> None:
        super().__init__(text)
        self.component = component


@lru_cache(maxsize=4096)
def date_time(text: str, zone: tzinfo) -> str | None:
    """Return the FHIR dateTime of an HL7 time stamp of any precision, or None when there is none.

    Shape:  "20240305" -> "2024-03-05"; "202403051015+0100" -> "2024-03-05T10:15:00+01:00"
    Units:  a time without offset is read in `zone`; what the sender left out is not made up, except seconds
            and minutes, which FHIR demands
    Errors: BadValue when the text is no time stamp or names no day of the calendar
    """
    text = text.strip()
    if not text or not text.strip("0"):
        return None
    match = MOMENT.match(plain(text))
    if match is None:
        raise BadValue("is not a date or time")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        moment = datetime(  # noqa: DTZ001 - the offset is added as text, as sent
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59)
        )
        if FAR < moment.year < END_OF_TIME:
            raise ValueError("year")
        if hour is None:
            return "-".join(part for part in (year, month, day) if part)
        shift = f"{offset[:3]}:{offset[3:]}" if offset else offset_at(moment, zone)
        return f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}{fraction or ''}{checked(shift)}"
    except ValueError as error:
        raise BadValue("names no day or time of the calendar") from error


def plain(text: str) -> str:
    """Return a time stamp that a sender wrote the ISO way as HL7 writes it; other text as it is."""
    match = ISO_DATE.match(text)
    if match is None:
        return text.replace(" ", "")
    *parts, offset = match.groups()
    return "".join(part or "" for part in parts) + ("+0000" if offset == "Z" else (offset or "").replace(":", ""))


def offset_at(moment: datetime, zone: tzinfo) -> str:
    seconds = int((moment.replace(tzinfo=zone).utcoffset() or timedelta()).total_seconds())
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{abs(seconds) // 3600:02}:{abs(seconds) % 3600 // 60:02}"


def checked(shift: str) -> str:
    """Return an offset that FHIR allows (at most fourteen hours)."""
    if int(shift[1:3]) > 14 or int(shift[4:6]) > 59:
        raise ValueError("offset")
    return shift


def date(text: str, zone: tzinfo) -> str | None:
    """Return the FHIR date: the day of the time stamp as the sender wrote it.

    Errors: BadValue as in `date_time`
    """
    moment = date_time(text, zone)
    return moment[:10] if moment else None


def instant(text: str, zone: tzinfo) -> str | None:
    """Return the FHIR instant, or None when the time stamp does not say the time of day.

    Errors: BadValue as in `date_time`
    """
    moment = date_time(text, zone)
    return moment if moment and "T" in moment else None


def time_of_day(text: str) -> str | None:
    """Return the FHIR time of an HL7 TM.

    Shape:  "0830" -> "08:30:00"
    Errors: BadValue when the text is no time of day
    """
    if not text.strip():
        return None
    match = TIME.match(text.strip().replace(":", ""))
    hour, minute, second, fraction = match.groups() if match else ("99", None, None, None)
    if int(hour) > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        raise BadValue("is not a time of day")
    return f"{hour}:{minute or '00'}:{second or '00'}{fraction or ''}"


def utc(moment: datetime) -> str:
    """Return the instant of an aware moment, in UTC and milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
