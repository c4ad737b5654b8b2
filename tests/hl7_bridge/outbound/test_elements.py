"""FHIR's data types as those of HL7 v2."""

from decimal import Decimal
from typing import Any

import pytest

from hl7_bridge.outbound import Partner
from hl7_bridge.outbound.elements import ce, cwe, number, price, repeated, time, units, xad, xpn, xtn

PARTNER = Partner()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024", "2024"),
        ("2024-03", "202403"),
        ("2024-03-05", "20240305"),
        ("2024-03-05T10:15:00Z", "20240305101500+0000"),
        ("2024-03-05T10:15:00.123456-05:30", "20240305101500.1234-0530"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_time_keeps_its_precision_and_its_offset(text: str | None, expected: str) -> None:
    assert time(text) == expected


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal("1E+2"), "100"), (Decimal("90.50"), "90.50"), (7, "7"), (0.5, "0.5")]
)
def test_a_number_is_written_without_exponent(value: Any, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("name", "components"),
    [
        ({"text": "Cher"}, ("Cher", "", "", "", "", "", "L")),
        ({"given": ["A", "B", "C"], "suffix": ["Jr", "MD"]}, ("", "A", "B C", "Jr MD", "", "", "L")),
        ({"use": "nickname", "family": "X"}, ("X", "", "", "", "", "", "N")),
        ({}, ()),
    ],
)
def test_a_name(name: Any, components: tuple[str, ...]) -> None:
    assert xpn(name) == components


@pytest.mark.parametrize(
    ("address", "components"),
    [
        ({"text": "somewhere"}, ("somewhere", "", "", "", "", "", "", "", "")),
        ({"line": ["a", "b", "c", "d"], "district": "D"}, ("a", "b", "", "", "", "", "", "c d", "D")),
        ({"city": "X", "type": "postal", "text": "X"}, ("", "", "X", "", "", "", "M", "", "")),
        ({}, ()),
    ],
)
def test_an_address(address: Any, components: tuple[str, ...]) -> None:
    assert xad(address) == components


def test_a_contact_point_without_value_is_none() -> None:
    assert xtn({"system": "phone"}) == ()
    assert xtn({"system": "fax", "value": "1"})[:3] == ("1", "PRN", "FX")


@pytest.mark.parametrize(
    ("concept", "coded", "with_text"),
    [
        (None, (), ()),
        ({"text": "t"}, ("", "t"), ("", "t")),
        ({"coding": [{"code": "a"}], "text": "t"}, ("a", "t", "L"), ("a", "t", "L")),
        (
            {"coding": [{"code": "a", "display": "A"}, {"code": "b"}, {"code": "c"}], "text": "t"},
            ("a", "A", "L", "b", "", "L"),
            ("a", "A", "L", "b", "", "L", "", "", "t"),
        ),
        ({"coding": [{"display": "no code"}]}, (), ()),
    ],
)
def test_a_concept(concept: Any, coded: tuple[str, ...], with_text: tuple[str, ...]) -> None:
    assert ce(concept, PARTNER) == coded
    assert cwe(concept, PARTNER) == with_text


def test_units_need_no_code() -> None:
    assert units({"unit": "drops"}, PARTNER) == ("drops", "drops")
    assert units({"code": "mg"}, PARTNER) == ("mg", "mg", "UCUM")
    assert units({}, PARTNER) == ()


def test_a_price_needs_a_value() -> None:
    assert price({"value": Decimal("1.50"), "currency": "USD"}) == (("1.50", "USD"),)
    assert price({"currency": "USD"}) == ()


def test_empty_repetitions_are_left_out() -> None:
    assert list(repeated([(), ("a",), ("", "")])) == [("a",)]
