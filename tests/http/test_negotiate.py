"""fhir_server.http.negotiate: forms of bodies and preferences of callers."""

import pytest

from fhir_server.http.negotiate import (
    accepts_gzip,
    binary_form,
    check_accept,
    check_request_type,
    media_type,
    preferences,
)
from fhir_server.kernel.call import Preferences
from fhir_server.kernel.errors import NotAcceptable, UnsupportedMediaType


@pytest.mark.parametrize(
    "text",
    [
        "application/fhir+json",
        "application/json",
        "text/json",
        "Application/FHIR+JSON; charset=UTF-8",
        'application/fhir+json; fhirVersion="4.0"',
    ],
)
def test_request_types_that_are_understood(text: str) -> None:
    check_request_type(media_type(text))


@pytest.mark.parametrize(
    "text",
    [
        "text/plain",
        "application/fhir+xml",
        "application/x-www-form-urlencoded",
        "application/fhir+json; charset=latin-1",
        "application/fhir+json; fhirVersion=5.0",
    ],
)
def test_request_types_that_are_not_understood_are_415(text: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_request_type(media_type(text))


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        (None, None),
        ("", None),
        ("*/*", None),
        ("application/*;q=0.1", None),
        ("text/html;q=0.3, application/fhir+json;q=0.9, application/fhir+xml;q=0.1", None),
        ("application/fhir+json; fhirVersion=4.0", None),
        ("image/png", "json"),
        ("image/png", "application/fhir json"),
    ],
)
def test_callers_who_take_json_are_served(accept: str | None, format_: str | None) -> None:
    check_accept(accept, format_)


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("image/png", None),
        ("application/fhir+xml", None),
        ("application/fhir+json;q=0", None),
        ("application/fhir+json; fhirVersion=3.0", None),
        ("*/*", "xml"),
    ],
)
def test_callers_who_take_no_json_get_406(accept: str | None, format_: str | None) -> None:
    with pytest.raises(NotAcceptable):
        check_accept(accept, format_)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, Preferences()),
        ("return=minimal", Preferences("minimal")),
        ("handling=strict, return=OperationOutcome", Preferences("OperationOutcome", "strict")),
        ('return="representation"; handling=lenient', Preferences("representation")),
        ("respond-async, return=nonsense", Preferences()),
        ("handling=strict, handling=lenient", Preferences(handling="strict")),
    ],
)
def test_preferences(header: str | None, expected: Preferences) -> None:
    assert expected == preferences(header)


@pytest.mark.parametrize(
    ("accept", "format_", "expected"),
    [
        (None, None, "content"),
        ("*/*", None, "content"),
        ("image/png", None, "content"),
        ("application/fhir+json", None, "resource"),
        ("*/*", "json", "resource"),
    ],
)
def test_a_binary_is_served_as_a_resource_only_to_who_asks_for_fhir(
    accept: str | None, format_: str | None, expected: str
) -> None:
    assert expected == binary_form(accept, format_)


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, False), ("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("identity", False), ("*", False)],
)
def test_answers_are_packed_only_for_who_takes_gzip(header: str | None, expected: bool) -> None:
    assert expected is accepts_gzip(header)
