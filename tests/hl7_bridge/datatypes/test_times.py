from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hl7_bridge.datatypes.times import BadValue, date, date_time, instant, time_of_day

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2024", "2024"),
        ("202403", "2024-03"),
        ("20240305", "2024-03-05"),
        ("2024030510", "2024-03-05T10:00:00+01:00"),
        ("202403051015", "2024-03-05T10:15:00+01:00"),
        ("202407051015", "2024-07-05T10:15:00+02:00"),
        ("20240305101530-0500", "2024-03-05T10:15:30-05:00"),
        ("20240305101530.1234+0000", "2024-03-05T10:15:30.1234+00:00"),
        ("2024-03-05", "2024-03-05"),
        ("2024-03-05T10:15:30Z", "2024-03-05T10:15:30+00:00"),
        ("20240305 1015", "2024-03-05T10:15:00+01:00"),
        ("", None),
        ("00000000", None),
    ],
)
def test_time_stamp_keeps_its_precision_and_its_offset(sent: str, expected: str | None) -> None:
    assert date_time(sent, STOCKHOLM) == expected


@pytest.mark.parametrize(
    "sent", ["20240230", "20241301", "2024030525", "yesterday", "2024030", "202403051015+9900", "24"]
)
def test_what_is_no_time_stamp_is_a_bad_value(sent: str) -> None:
    with pytest.raises(BadValue):
        date_time(sent, STOCKHOLM)


def test_date_is_the_day_as_the_sender_wrote_it() -> None:
    assert date("20240305003000+0100", STOCKHOLM) == "2024-03-05"


def test_instant_needs_the_time_of_day() -> None:
    assert instant("20240305", STOCKHOLM) is None
    assert instant("202403051015", STOCKHOLM) == "2024-03-05T10:15:00+01:00"


@pytest.mark.parametrize(
    ("sent", "expected"), [("0830", "08:30:00"), ("083015.5", "08:30:15.5"), ("08", "08:00:00"), ("", None)]
)
def test_time_of_day(sent: str, expected: str | None) -> None:
    assert time_of_day(sent) == expected


@pytest.mark.parametrize("sent", ["2500", "0860", "noon"])
def test_what_is_no_time_of_day_is_a_bad_value(sent: str) -> None:
    with pytest.raises(BadValue):
        time_of_day(sent)


@given(st.text(max_size=30))
def test_any_text_is_a_time_stamp_or_a_bad_value(text: str) -> None:
    try:
        found = date_time(text, STOCKHOLM)
    except BadValue:
        return
    assert found is None or found[:4].isdigit()


@pytest.mark.parametrize("text", ["٢٠٢٤", "²²²²", "٢٠٢٤-٠١-٠١", "2024٠١"])
def test_digits_of_other_scripts_are_no_date(text: str) -> None:
    with pytest.raises(BadValue):
        date(text, STOCKHOLM)
