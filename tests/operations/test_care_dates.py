"""The table of care dates names search parameters of the standard."""

import pytest

from conformance.load import definitions
from fhir_server.operations.care_dates import NAMED_OTHERWISE, STANDING, care_date


@pytest.mark.parametrize("type_", sorted(NAMED_OTHERWISE))
def test_each_row_is_a_date_parameter_of_its_type(type_: str) -> None:
    assert "date" == definitions().search_parameters[type_][NAMED_OTHERWISE[type_]].type


def test_a_parameter_that_is_called_date_is_a_date() -> None:
    for parameters in definitions().search_parameters.values():
        assert "date" not in parameters or "date" == parameters["date"].type


@pytest.mark.parametrize(
    ("type_", "code"), [("Observation", "date"), ("Claim", "created"), ("Patient", None), ("AllergyIntolerance", None)]
)
def test_the_time_of_care(type_: str, code: str | None) -> None:
    assert code == care_date(type_, definitions().search_parameters[type_])


def test_what_stands_is_a_type_of_the_standard() -> None:
    assert STANDING <= definitions().resource_types
