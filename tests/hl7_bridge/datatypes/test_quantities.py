from decimal import Decimal
from typing import Any

import pytest

from hl7_bridge.datatypes.quantities import (
    decimal,
    integer,
    money,
    number,
    numeric_range,
    quantity,
    sampled_data,
    structured,
    unit,
)
from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.mapping.context import Context
from tests.hl7_bridge.datatypes.fields import field


def test_number_keeps_its_digits() -> None:
    assert str(number("4.50")) == "4.50"
    assert str(number("7.")) == "7"


@pytest.mark.parametrize("text", ["", "abc", "1,5", "1e5", "NaN", "--1"])
def test_what_is_no_number_is_a_bad_value(text: str) -> None:
    with pytest.raises(BadValue):
        number(text)


def test_field_without_number_gives_none(context: Context) -> None:
    assert decimal(field("many"), context, None) is None
    assert integer(field("1.5"), context, None) is None
    assert integer(field("99999999999"), context, None) is None
    assert integer(field("2"), context, None) == 2


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("mmol/L", {"unit": "mmol/L"}),
        (
            "mmol/L^millimole per litre^UCUM",
            {"unit": "millimole per litre", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
        ),
        (
            "MM^millimole^99LAB^mmol^x^UCUM",
            {"unit": "millimole", "system": "http://unitsofmeasure.org", "code": "mmol"},
        ),
        ("^beats", {"unit": "beats"}),
        ("", {}),
    ],
)
def test_units_have_a_system_only_when_they_are_said_to_be_ucum(
    context: Context, sent: str, expected: dict[str, str]
) -> None:
    assert unit(field(sent), context) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("^182", {"valueQuantity": {"value": Decimal(182), "unit": "g"}}),
        (">^90", {"valueQuantity": {"value": Decimal(90), "comparator": ">", "unit": "g"}}),
        (
            "^10^-^20",
            {"valueRange": {"low": {"value": Decimal(10), "unit": "g"}, "high": {"value": Decimal(20), "unit": "g"}}},
        ),
        (
            "^1^:^128",
            {"valueRatio": {"numerator": {"value": Decimal(1), "unit": "g"}, "denominator": {"value": Decimal(128)}}},
        ),
        ("^2^+", {"valueString": "2+"}),
        ("<>^7", {"valueString": "<> 7 g"}),
    ],
)
def test_structured_numeric(sent: str, expected: dict[str, Any]) -> None:
    assert structured(field(sent), {"unit": "g"}) == expected


def test_quantity_has_its_unit_in_components_or_subcomponents(context: Context) -> None:
    assert quantity(field("150^kg"), context, None) == {"value": Decimal(150), "unit": "kg"}
    assert quantity(field("1^d&Day&UCUM"), context, None) == {
        "value": Decimal(1),
        "unit": "Day",
        "system": "http://unitsofmeasure.org",
        "code": "d",
    }


def test_range_of_numbers() -> None:
    assert numeric_range(field("1^5"), {}) == {"low": {"value": Decimal(1)}, "high": {"value": Decimal(5)}}


@pytest.mark.parametrize("sent", ["120.50&USD", "120.50^USD"])
def test_money_is_exact_and_has_a_currency(context: Context, sent: str) -> None:
    found = money(field(sent), context, None)
    assert found == {"value": Decimal("120.50"), "currency": "USD"}
    assert str(found["value"]) == "120.50"


def test_gap_in_sampled_data_is_written_as_such() -> None:
    found = sampled_data(["1", "", "3"], {"unit": "mV"})
    assert found is not None
    assert found["data"] == "1 E 3"
