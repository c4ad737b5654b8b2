from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import STANDARD, Segment, parse
from hl7_bridge.functions.timing import (
    amount,
    minutes,
    occurrence,
    pattern_timing,
    quantity_timing,
    segment_timing,
    shifted,
    unit_of_time,
)
from hl7_bridge.mapping.context import Context, Sender
from hl7_bridge.mapping.errors import ConversionError


@cache
def context() -> Context:
    sender = Sender(name="A|B", zone=ZoneInfo("Europe/Stockholm"), tables={}, systems={}, authorities={})
    return Context(sender, identity="1", delimiters=STANDARD, occurred="")


def segment(text: str) -> Segment:
    found = parse(f"MSH|^~\\&|A|B|C|D|20240305||ORM^O01|1|P|2.5.1\r{text}".encode()).first(text[:3])
    assert found is not None
    return found


def tq1(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return segment_timing(segment(f"TQ1|{text}"), context())


def tq(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return quantity_timing(segment(f"ORC|NW||||||{text}").field(7), context())


@pytest.mark.parametrize(
    ("texts", "unit"),
    [(("min",), "min"), (("MINUTES",), "min"), (("hr",), "h"), (("x", "day"), "d"), (("ann",), "a"), (("mL",), None)],
)
def test_units_of_time_have_many_spellings(texts: tuple[str, ...], unit: str | None) -> None:
    assert unit_of_time(*texts) == unit


@pytest.mark.parametrize(
    ("start", "length", "unit", "moment"),
    [
        ("2024-03-05T23:30:00+01:00", 45, "min", "2024-03-06T00:15:00+01:00"),
        ("2024-03-05T10:00:00+01:00", Decimal("1.5"), "h", "2024-03-05T11:30:00+01:00"),
        ("2024-03-05T10:00:00Z", -15, "min", "2024-03-05T09:45:00+00:00"),
        ("2024-03-05", 45, "min", None),
        ("2024-03-05T10:00:00+01:00", 1, "mo", None),
        ("9999-12-31T23:59:00+01:00", 10, "d", None),
    ],
)
def test_a_moment_is_shifted_where_both_are_exact_enough(
    start: str, length: Decimal | int, unit: str, moment: str | None
) -> None:
    assert shifted(start, length, unit) == moment


@pytest.mark.parametrize(
    ("length", "unit", "found"),
    [("90", "s", 2), ("10", "s", 1), ("2", "h", 120), ("0", "min", None), ("5", "mo", None)],
)
def test_lengths_become_whole_minutes(length: str, unit: str, found: int | None) -> None:
    assert minutes(Decimal(length), unit) == found


def test_an_amount_that_is_none_is_refused_at_its_field() -> None:
    with pytest.raises(ConversionError) as refused:
        amount(segment("SCH|||||||||many"), 9)
    assert refused.value.place == "SCH-9.1"


@pytest.mark.parametrize("text", ["", '""'])
def test_an_amount_that_is_absent_or_null_is_none(text: str) -> None:
    assert amount(segment(f"SCH|||||||||{text}|min"), 9) is None


@pytest.mark.parametrize(
    ("code", "repeat"),
    [
        ("BID", {"frequency": 2, "period": 1, "periodUnit": "d"}),
        ("QOD", {"frequency": 1, "period": 2, "periodUnit": "d"}),
        ("Q8H", {"frequency": 1, "period": 8, "periodUnit": "h"}),
        ("q2w", {"frequency": 1, "period": 2, "periodUnit": "wk"}),
        ("Once", {"count": 1}),
        ("QHS", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]}),
    ],
)
def test_codes_of_repeat_patterns(code: str, repeat: dict[str, Any]) -> None:
    assert pattern_timing(segment(f"TQ1|1||{code}").field(3))["repeat"] == repeat


def test_a_code_that_nobody_knows_is_kept() -> None:
    found = pattern_timing(segment("TQ1|1||XYZ&every full moon").field(3))
    assert found["code"]["coding"] == [{"system": "http://terminology.hl7.org/CodeSystem/v2-0335", "code": "XYZ"}]
    assert found["code"]["text"] == "every full moon"
    assert "repeat" not in found


def test_a_period_of_its_own_wins_over_that_of_the_code() -> None:
    found = pattern_timing(segment("TQ1|1||Q8H^^^^12^h").field(3))["repeat"]
    assert (found["period"], found["periodUnit"]) == (Decimal(12), "h")


@pytest.mark.parametrize(("component", "text"), [(5, "^^^^x^d"), (9, "^^^^^^^AC^x^min")])
def test_a_part_of_a_pattern_that_is_no_number_is_named(component: int, text: str) -> None:
    with pytest.raises(BadValue) as refused:
        pattern_timing(segment(f"TQ1|1||{text}").field(3))
    assert refused.value.component == component


def test_how_long_each_time_takes_and_how_often() -> None:
    repeat = tq1("1||BID||||||||||15^min|6")[0]["repeat"]
    assert (repeat["duration"], repeat["durationUnit"], repeat["count"]) == (Decimal(15), "min", 6)


@pytest.mark.parametrize("count", ["0", "-1", "1.5"])
def test_a_count_that_is_no_positive_whole_number_is_left_out(count: str) -> None:
    assert "count" not in tq1(f"1||BID|||||||||||{count}")[0]["repeat"]


def test_a_service_without_a_start_has_a_length() -> None:
    repeat = tq1("1||BID|||7^d")[0]["repeat"]
    assert repeat["boundsDuration"]["value"] == Decimal(7)


def test_an_end_that_was_sent_wins_over_the_length() -> None:
    bounds = tq1("1|||||2^h|20240305080000+0100|20240305090000+0100")[1]
    assert bounds["end"] == "2024-03-05T09:00:00+01:00"


def test_a_time_of_a_tq1_that_is_none_is_refused_at_its_field() -> None:
    with pytest.raises(ConversionError) as refused:
        tq1("1|||||||soon")
    assert refused.value.place == "TQ1-8.1"


def test_times_of_day_of_an_old_order() -> None:
    assert tq("1^BID&0800,2000")[0]["repeat"]["timeOfDay"] == ["08:00:00", "20:00:00"]


def test_times_of_day_in_another_form_are_left_out() -> None:
    assert "timeOfDay" not in tq("1^BID&after meals")[0]["repeat"]


def test_count_of_an_old_order() -> None:
    assert tq("1^BID^^^^^^^^^^10")[0]["repeat"]["count"] == 10


@pytest.mark.parametrize(("component", "text"), [(4, "1^^^x"), (5, "1^^^20240305^x")])
def test_a_time_of_an_old_order_that_is_none_is_named(component: int, text: str) -> None:
    with pytest.raises(BadValue) as refused:
        tq(text)
    assert refused.value.component == component


@pytest.mark.parametrize(
    ("timing", "bounds", "form"),
    [
        ({}, {}, None),
        ({}, {"start": "2024"}, "occurrenceDateTime"),
        ({}, {"start": "2024", "end": "2025"}, "occurrencePeriod"),
        ({}, {"end": "2025"}, "occurrencePeriod"),
        ({"repeat": {"count": 1}}, {"start": "2024"}, "occurrenceDateTime"),
        ({"repeat": {"frequency": 1}}, {"start": "2024"}, "occurrenceTiming"),
        ({"code": {"coding": [{"code": "XYZ"}]}}, {}, "occurrenceTiming"),
        ({"code": {"coding": [{"code": "Once"}]}}, {}, None),
    ],
)
def test_the_form_says_all_that_is_known(timing: Any, bounds: Any, form: str | None) -> None:
    assert list(occurrence(timing, bounds)) == ([form] if form else [])
