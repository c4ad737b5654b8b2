"""Statistics in decimal arithmetic, against values worked out by hand."""

from decimal import Decimal

import pytest

from fhir_server.operations.observations.measures import MEASURES, computed

VALUES = [Decimal(text) for text in ("4", "1", "2", "3", "10")]


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("average", "4"),
        ("maximum", "10"),
        ("minimum", "1"),
        ("median", "3"),
        ("sum", "20"),
        ("variance", "12.5"),
        ("std-dev", "3.54"),
        ("20-percent", "1.8"),
        ("80-percent", "5.2"),
        ("4-lower", "2"),
        ("4-upper", "4"),
        ("4-dev", "1"),
        ("5-1", "1.8"),
        ("5-2", "2.6"),
        ("5-3", "3.4"),
        ("5-4", "5.2"),
    ],
)
def test_the_value_of_each_statistic(statistic: str, expected: str) -> None:
    assert Decimal(expected) == computed(statistic, VALUES)


def test_every_statistic_is_tested() -> None:
    marks = test_the_value_of_each_statistic.pytestmark  # type: ignore[attr-defined]  # set by the decorator
    assert set(MEASURES) == {case[0] for case in marks[0].args[1]}


@pytest.mark.parametrize("statistic", MEASURES)
def test_nothing_comes_of_no_measurement(statistic: str) -> None:
    assert None is computed(statistic, [])


def test_one_measurement_has_no_variance() -> None:
    assert (None, None) == (computed("variance", [Decimal(1)]), computed("std-dev", [Decimal(1)]))


def test_a_decimal_stays_what_it_is() -> None:
    assert "0.30" == str(computed("sum", [Decimal("0.10"), Decimal("0.20")]))
    assert "37.20" == str(computed("maximum", [Decimal("37.20"), Decimal("36")]))


def test_an_endless_decimal_has_two_places_more_than_the_measurements() -> None:
    assert "1.133" == str(computed("average", [Decimal("1.1"), Decimal("1.1"), Decimal("1.2")]))


def test_numbers_of_very_different_size_are_an_error_and_no_crash() -> None:
    with pytest.raises(ArithmeticError):
        computed("variance", [Decimal("1e999999"), Decimal("1")])
