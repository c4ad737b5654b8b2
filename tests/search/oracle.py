"""A second search: does a resource match, read straight from the specification, without index, filter or database.

It shares nothing with the product but the shape of resources. Only for resources and searches as `test_oracle` makes
them: times in UTC, ASCII text, plain units.

Spec: https://hl7.org/fhir/R4/search.html#prefix and the sections of each kind
"""

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

FOREVER = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
Interval = tuple[datetime, datetime]
Resource = dict[str, Any]


def interval(text: str) -> Interval:
    """All instants that a date of some precision may mean; the end is not included."""
    if "T" in text:
        start = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return start, start + timedelta(seconds=1)
    parts = [int(part) for part in text.split("-")]
    first = datetime(*[*parts, 1, 1][:3], tzinfo=UTC)  # type: ignore[arg-type,misc]
    if len(parts) == 3:
        days = 1
    elif len(parts) == 2:
        days = calendar.monthrange(*parts)[1]
    else:
        days = 366 if calendar.isleap(parts[0]) else 365
    return first, first + timedelta(days=days)


def dates(resource: Resource) -> list[Interval]:
    if "effectiveDateTime" in resource:
        return [interval(resource["effectiveDateTime"])]
    if period := resource.get("effectivePeriod"):
        start = interval(period["start"])[0] if "start" in period else FOREVER[0]
        return [(start, interval(period["end"])[1] if "end" in period else FOREVER[1])]
    return []


def contains(outer: Interval, inner: Interval) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def overlaps(one: Interval, other: Interval) -> bool:
    return one[0] < other[1] and other[0] < one[1]


DATE: dict[str, Callable[[Interval, Interval], bool]] = {
    "eq": lambda search, target: contains(search, target),
    "ne": lambda search, target: not contains(search, target),
    "gt": lambda search, target: overlaps((search[1], FOREVER[1]), target),
    "lt": lambda search, target: overlaps((FOREVER[0], search[0]), target),
    "ge": lambda search, target: DATE["gt"](search, target) or contains(search, target),
    "le": lambda search, target: DATE["lt"](search, target) or contains(search, target),
    "sa": lambda search, target: target[0] >= search[1],
    "eb": lambda search, target: target[1] <= search[0],
}


def number_matches(prefix: str, text: str, value: Decimal) -> bool:
    asked = Decimal(text)
    half = Decimal("0.5") * Decimal(10) ** (-len(text.partition(".")[2]))
    means = asked - half <= value < asked + half
    return {
        "eq": means,
        "ne": not means,
        "gt": value > asked,
        "lt": value < asked,
        "ge": value >= asked,
        "le": value <= asked,
        "sa": value > asked,
        "eb": value < asked,
        "ap": abs(value - asked) <= abs(asked) / 10,
    }[prefix]


GRAMS = {"g": Decimal(1), "mg": Decimal("0.001"), "kg": Decimal(1000)}


def quantity_matches(prefix: str, text: str, unit: str | None, value: dict[str, Any]) -> bool:
    if unit is None:
        return number_matches(prefix, text, value["value"])
    if value.get("code") in GRAMS and unit in GRAMS:
        in_unit = value["value"] * GRAMS[value["code"]] / GRAMS[unit]
        return number_matches(prefix, text, in_unit)
    return False


def codings(resource: Resource, code: str) -> list[dict[str, str]]:
    if code == "status":
        return [{"system": "http://hl7.org/fhir/observation-status", "code": resource["status"]}]
    concepts = [resource["code"]] if code == "code" else resource.get("category", [])
    return [coding for concept in concepts for coding in concept.get("coding", [])]


def token_matches(text: str, coding: dict[str, str]) -> bool:
    system, bar, code = text.rpartition("|")
    if not bar:
        return coding.get("code") == text
    if not code:
        return coding.get("system") == system
    if not system:
        return coding.get("code") == code and "system" not in coding
    return coding.get("code") == code and coding.get("system") == system


def string_matches(modifier: str | None, text: str, value: str) -> bool:
    if modifier == "exact":
        return value == text
    kept = ["".join(c for c in one.lower() if c not in "'-.,") for one in (text, value)]
    asked, stored = (" ".join(one.split()) for one in kept)
    return asked in stored if modifier == "contains" else stored.startswith(asked)
