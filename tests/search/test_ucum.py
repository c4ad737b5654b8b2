"""UCUM units in base units."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.ucum import canonical


@pytest.mark.parametrize(
    ("code", "unit", "factor"),
    [
        ("g", "g", "1"),
        ("mg", "g", "0.001"),
        ("ug", "g", "0.000001"),
        ("mg/dL", "g.m-3", "10"),
        ("mmol/L", "m-3.mol", "1"),
        ("10*3/uL", "m-3", "1e12"),
        ("10*9/L", "m-3", "1e12"),
        ("kg/m2", "g.m-2", "1000"),
        ("mm[Hg]", "g.m-1.s-2", "133322"),
        ("m[IU]/mL", "[iU].m-3", "1000"),
        ("%", "1", "0.01"),
        ("{score}", "1", "1"),
        ("h", "s", "3600"),
        ("[lb_av]", "g", "453.59237"),
        ("(mg.L)/s", "g.m3.s-1", "0.000001"),
        ("cm", "m", "0.01"),
        ("pg", "g", "1e-12"),
        ("dag", "g", "10"),
    ],
)
def test_unit_is_brought_to_base_units(code: str, unit: str, factor: str) -> None:
    converted = canonical(code)
    assert converted is not None
    assert (converted.unit, converted.factor) == (unit, Decimal(factor))


def test_temperatures_have_an_offset() -> None:
    celsius, fahrenheit = canonical("Cel"), canonical("[degF]")
    assert celsius is not None
    assert fahrenheit is not None
    assert celsius.apply(Decimal(37)) == Decimal("310.15")
    assert abs(fahrenheit.apply(Decimal("98.6")) - Decimal("310.15")) < Decimal("1e-20")


def test_rates_are_told_from_their_inverses() -> None:
    assert canonical("{beats}/min") == canonical("/min")
    assert canonical("min") != canonical("/min")


@pytest.mark.parametrize(
    "code", ["", "/", "mg//L", "mg..L", "(", "(mg", "mg)", "foo", "k", "mCel", "Cel/s", "mg L", "x" * 200]
)
def test_what_is_no_unit_is_not_converted(code: str) -> None:
    assert canonical(code) is None


@given(st.text("mgL/.()[]{}10*-kH ", max_size=30))
def test_any_text_is_a_unit_or_not(code: str) -> None:
    converted = canonical(code)
    assert converted is None or converted.factor > 0
