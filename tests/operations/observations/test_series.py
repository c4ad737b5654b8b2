"""The measurements that Observations hold, by code."""

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.kernel.errors import Unprocessable
from fhir_server.operations.observations.series import Code, series_of
from tests.make import observation

UCUM = "http://unitsofmeasure.org"


def concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "urn:s", "code": code}]}


def quantity(value: str, unit: str = "kg", **elements: str) -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit, **elements}


def weight(value: str, **elements: str) -> dict[str, Any]:
    return observation(code=concept("w"), valueQuantity=quantity(value, **elements))


PRESSURE = observation(
    code=concept("bp"),
    component=[
        {"code": concept("sys"), "valueQuantity": quantity("120", "mm[Hg]")},
        {"code": concept("dia"), "valueQuantity": quantity("80", "mm[Hg]")},
    ],
)


def summary(observations: list[dict[str, Any]], *codes: str) -> list[tuple[str, list[int], int]]:
    found = series_of(observations, [Code(code) for code in codes])
    return [(one.concept["coding"][0]["code"], [int(value) for value in one.values], one.total) for one in found]


def test_values_are_taken_from_the_observations_of_a_code() -> None:
    assert [("w", [70, 80], 2)] == summary([weight("70"), weight("80"), PRESSURE], "w")


def test_a_component_is_found_by_its_code() -> None:
    assert [("sys", [120], 1)] == summary([PRESSURE], "sys")


def test_a_panel_gives_a_series_for_each_of_its_members() -> None:
    assert [("sys", [120], 1), ("dia", [80], 1)] == summary([PRESSURE], "bp")


def test_a_measurement_that_is_asked_for_twice_counts_once() -> None:
    assert [("sys", [120], 1), ("dia", [80], 1)] == summary([PRESSURE], "bp", "sys")


def test_what_is_no_number_counts_in_the_total_alone() -> None:
    unknown = observation(code=concept("w"), dataAbsentReason={"text": "unknown"})
    assert [("w", [], 3)] == summary([weight("5", comparator="<"), unknown, observation(code=concept("w"))], "w")


def test_a_code_without_measurement_has_an_empty_series() -> None:
    assert [("w", [], 0)] == summary([PRESSURE], "w")


def test_the_system_of_a_code_counts() -> None:
    found = series_of([weight("70")], [Code("w", "urn:other"), Code("w", "urn:s")])
    assert {"urn:s": 1, "urn:other": 0} == {one.concept["coding"][0]["system"]: one.total for one in found}


def test_units_agree_by_code_whatever_people_read() -> None:
    (series,) = series_of([weight("70"), weight("80", unit="kilogram", code="kg")], [Code("w")])
    assert (UCUM, "kg") == (series.unit()["system"], series.unit()["code"])


def test_different_units_are_refused() -> None:
    (series,) = series_of([weight("70"), weight("80", code="g")], [Code("w")])
    with pytest.raises(Unprocessable, match="different units"):
        series.unit()
