"""date: intervals of time, compared by how they overlap.

Stored: {low, high}, half open, in UTC; a period without start or end reaches to the edge of the calendar. Those of more
than a month are marked `span`: all others can be found by where they begin, within a month, and so by an index.

Spec: https://hl7.org/fhir/R4/search.html#date
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, TypeAlias, assert_never

from conformance.paths import Typed
from fhir_server.kernel.errors import Invalid
from fhir_server.kernel.fhir_time import EARLIEST, LATEST, bounds
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import LAST_UPDATED, Field
from fhir_server.search.kinds.kind import Comparison, Kind, bad_value, by_prefix, within
from fhir_server.search.syntax import Prefix, split_prefix, unescape

Interval: TypeAlias = dict[str, datetime | bool]

MONTH = timedelta(days=31)
_SECOND = timedelta(seconds=1)

_APPROXIMATE = 0.1
"""How far "ap" reaches, as part of the time between the value and now: the standard's own suggestion."""


def _intervals(values: Sequence[Typed], zone: tzinfo) -> list[Interval]:
    found = (_bounds(value, fhir_type, zone) for value, fhir_type in values)
    return [
        {"low": low, "high": high, "span": True} if high - low > MONTH else {"low": low, "high": high}
        for low, high in (one for one in found if one is not None)
    ]


def _bounds(value: Any, fhir_type: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    match fhir_type:
        case "Period":
            return _period(value, zone)
        case "Timing":
            return _timing(value, zone)
        case _:
            try:
                return bounds(value, zone)
            except (Invalid, TypeError):
                # A few expressions also select text and ages, which are no dates.
                return None


def _period(value: Mapping[str, Any], zone: tzinfo) -> tuple[datetime, datetime] | None:
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return None
    low = EARLIEST if start is None else bounds(start, zone)[0]
    return low, LATEST if end is None else bounds(end, zone)[1]


def _timing(value: Mapping[str, Any], zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return the outer limits: when in between something happens does not matter to search."""
    limits = [bounds(event, zone) for event in value.get("event", ()) if event is not None]
    around = value.get("repeat", {}).get("boundsPeriod")
    if around and (period := _period(around, zone)):
        limits.append(period)
    if not limits:
        return None
    return min(low for low, _ in limits), max(high for _, high in limits)


def _condition(text: str, _modifier: str | None, where: Field, context: Context) -> Filter:
    prefix, value = split_prefix(unescape(text))
    low, high = _limits(value, context)
    if prefix == "ap":
        low, high = _widened(low, high, context)
    return within(where, _compared(prefix, low, high, _longest(where)))


def _limits(value: str, context: Context) -> tuple[datetime, datetime]:
    try:
        return bounds(value, context.zone)
    except Invalid:
        raise bad_value(
            "not a date: yyyy, yyyy-mm, yyyy-mm-dd or yyyy-mm-ddThh:mm[:ss] with an optional zone"
        ) from None


def _longest(where: Field) -> timedelta:
    """Return how long the stored intervals are that are not marked: an instant tells the second."""
    return _SECOND if where.code == LAST_UPDATED else MONTH


def _compared(prefix: Prefix, low: datetime, high: datetime, longest: timedelta) -> Filter:
    """Return what a prefix asks of a stored interval; `low` and `high` are the bounds of the searched one."""
    match prefix:
        case "eq":
            return {"low": {"$gte": low, "$lt": high}, "high": {"$lte": high}}
        case "ne":
            return {"$or": [{"low": {"$lt": low}}, {"high": {"$gt": high}}]}
        case "gt":
            return _beginning(high, high, longest)
        case "lt":
            return {"low": {"$lt": low}}
        case "ge":
            return _beginning(low, high, longest)
        case "le":
            return {"$or": [{"low": {"$lt": low}}, {"low": {"$gte": low, "$lt": high}, "high": {"$lte": high}}]}
        case "sa":
            return {"low": {"$gte": high}}
        case "eb":
            return {"low": {"$lt": low}, "high": {"$lte": low}}
        case "ap":
            return _overlap(low, high, longest)
        case _:
            assert_never(prefix)


def _overlap(low: datetime, high: datetime, longest: timedelta) -> Filter:
    return {"low": {"$lt": high}, **_beginning(low, low, longest)}


def _beginning(low: datetime, high: datetime, longest: timedelta) -> Filter:
    """Return the condition of an interval that begins at `low` or later, or ends after `high`.

    Every branch bounds where it begins, so an index on that serves it, and no interval satisfies two of them; no branch
    needs the document.
    """
    before = max(low, EARLIEST + longest) - longest
    found = [{"low": {"$gte": low}}, {"low": {"$gte": before, "$lt": low}, "high": {"$gt": high}}]
    longer = {"span": True, "low": {"$lt": before}, "high": {"$gt": high}}
    return {"$or": [*found, longer] if longest is MONTH else found}


def _widened(low: datetime, high: datetime, context: Context) -> tuple[datetime, datetime]:
    """Return the interval that is near to another."""
    if context.now is None:
        raise bad_value("ap cannot be used here")
    now = context.now
    distance = timedelta(0) if low <= now < high else min(abs(now - low), abs(now - high)) * _APPROXIMATE
    return max(low, EARLIEST + distance) - distance, min(high, LATEST - distance) + distance


def _overlapping(text: str, where: Field, context: Context) -> Filter:
    low, high = _limits(text, context)
    return within(where, _overlap(low, high, _longest(where)))


def _containing(text: str, where: Field, context: Context) -> Filter:
    """Return the filter that a stored interval includes the searched one."""
    low, high = _limits(text, context)
    longest = _longest(where)
    before = max(low, EARLIEST + longest) - longest
    around = {"low": {"$gte": before, "$lte": low}, "high": {"$gte": high}}
    longer = {"span": True, "low": {"$lt": before}, "high": {"$gte": high}}
    return within(where, {"$or": [around, longer]})


COMPARISONS: Mapping[str, Comparison] = {**by_prefix(_condition), "po": _overlapping, "co": _containing}

KIND = Kind(extract={"": _intervals}, condition=_condition, comparisons=COMPARISONS)
