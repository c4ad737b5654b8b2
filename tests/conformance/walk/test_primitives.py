"""Primitive values, by the clauses of https://hl7.org/fhir/R4/datatypes.html#primitive."""

from decimal import Decimal
from typing import Any

import pytest

from conformance.walk.primitives import decoded_size, primitives
from tests.conformance.walk.judge import found, parameters, problems

GOOD: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, -1, 2147483647, -2147483648],
    "unsignedInt": [0, 2147483647],
    "positiveInt": [1, 2147483647],
    "decimal": [0, 1, -1.5, Decimal("1.00"), Decimal("1E-7"), Decimal("9" * 34), 10**33, Decimal("1E307")],
    "string": ["a", " leading", "two\nlines\tand\ttabs\r\n", "Ünïcødé 漢字 🙂", "no-break\u00a0space", "a" * 1048576],
    "markdown": ["# Title\n\ntext"],
    "code": ["final", "two words", "a/b+c", "8302-2"],
    "id": ["a", "A-1.b", "a" * 64],
    "uri": ["http://x.org/a?b=c#d", "urn:oid:1.2.3", "relative", "ü"],
    "url": ["https://x.org", "mailto:a@b.c"],
    "canonical": ["http://x.org/a|1.0"],
    "oid": ["urn:oid:1.2.840.113556", "urn:oid:2.0"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "date": ["2024", "2024-12", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"],
    "dateTime": ["2024", "2024-02", "2024-02-29", "2024-02-29T23:59:60Z", "2024-01-01T00:00:00.123456+14:00"],
    "instant": ["2015-02-07T13:28:17.239+02:00", "2024-02-29T00:00:00Z", "2024-01-31T12:00:00-13:59"],
    "time": ["00:00:00", "23:59:60.5"],
    "base64Binary": ["aGVsbG8=", "aGVs bG8=\n", "AAAA", "/+8="],
}
BAD: dict[str, list[Any]] = {
    "boolean": [0, 1, "true", None, "", [True], {}],
    "integer": [2147483648, -2147483649, True, 1.0, Decimal(1), "1", None],
    "unsignedInt": [-1, 2147483648, False],
    "positiveInt": [0, -1, True],
    "decimal": [
        "1.0",
        True,
        float("nan"),
        float("inf"),
        1e308,
        Decimal("1E400"),
        Decimal("NaN"),
        10**34,
        10**5000,
        Decimal("1" * 35),
        Decimal("1E-400"),
        None,
    ],
    "string": ["", "bell\u0007", "nul\u0000", "\ud800", "a" * 1048577, 1, None, ["a"], {"a": 1}],
    "markdown": ["", "\u0001"],
    "code": ["", " a", "a ", "a  b", "a\n b", 1, "\ud800"],
    "id": ["", "a" * 65, "a_b", "a b", "ä", "a\n", 1],
    "uri": ["", "a b", " ", "a\n", "\ud800", 1],
    "url": ["a b"],
    "canonical": ["a b"],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02"],
    "uuid": ["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "urn:uuid:1"],
    "date": [
        "2023-02-29",
        "1900-02-29",
        "2024-04-31",
        "0000",
        "24",
        "2024-13",
        "2024-1-1",
        "2024-01-01T00:00:00Z",
        "٢٠٢٤",
    ],
    "dateTime": [
        "2024-01-01T00:00:00",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00Z",
        "2024-01-01T00:00:00+14:01",
        "2023-02-30T00:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00z",
        "0000-01-01",
    ],
    "instant": ["2024-01-01", "2024-01-01T00:00:00", "2024-02-30T00:00:00Z", "2024-01-01T00:00:61Z"],
    "time": ["24:00:00", "00:00", "00:00:00Z", "12:60:00"],
    "base64Binary": ["", "a", "a.bc", "aGVsbG8", "=aaa", "aGVsbG8=x", "ä===", 1],
}


def cases(table: dict[str, list[Any]]) -> list[Any]:
    return [pytest.param(t, v, id=f"{t}-{i}") for t, values in table.items() for i, v in enumerate(values)]


def holding(fhir_type: str, value: Any) -> dict[str, Any]:
    return parameters(**{f"value{fhir_type[0].upper()}{fhir_type[1:]}": value})


@pytest.mark.parametrize(("fhir_type", "value"), cases(GOOD))
def test_value_is_valid(fhir_type: str, value: Any) -> None:
    assert problems(holding(fhir_type, value)) == []


@pytest.mark.parametrize(("fhir_type", "value"), cases(BAD))
def test_value_is_refused_where_it_stands(fhir_type: str, value: Any) -> None:
    assert [place for _, place in found(holding(fhir_type, value))] == ["Parameters.parameter[0].value"]


def test_every_primitive_type_has_its_cases() -> None:
    assert GOOD.keys() == BAD.keys() == primitives().keys() - {"xhtml"}


@pytest.mark.parametrize(
    ("fhir_type", "value", "code", "diagnostics"),
    [
        ("boolean", "true", "structure", "boolean is a JSON boolean, found string"),
        ("string", None, "structure", "string is a JSON string, found null"),
        ("string", ["a"], "structure", "string is a JSON string, found array"),
        ("string", {"a": 1}, "structure", "string is a JSON string, found object"),
        ("string", "", "value", "a string must not be empty"),
        ("string", "a" * 1048577, "too-long", "a string has at most 1048576 characters"),
        ("string", "\u0000", "value", "a string must not hold control characters or lone surrogates"),
        ("date", "2023-02-29", "value", "not a valid date: expected YYYY, YYYY-MM or YYYY-MM-DD of the calendar"),
        ("positiveInt", 0, "value", "not a valid positiveInt: expected a whole number from 1 to 2,147,483,647"),
    ],
)
def test_refusal_says_what_is_wrong(fhir_type: str, value: Any, code: str, diagnostics: str) -> None:
    assert [(p.code, p.diagnostics) for p in problems(holding(fhir_type, value))] == [(code, diagnostics)]


def test_refusal_never_shows_the_value() -> None:
    secrets = [holding("date", "Jane Doe 1970"), holding("id", "Jane_Doe"), holding("string", "Jane\u0000Doe")]
    assert not [p for secret in secrets for p in problems(secret) if "Jane" in p.diagnostics]


@pytest.mark.parametrize(("text", "size"), [("aGVsbG8=", 5), ("aGVs\n bG8=", 5), ("AAAA", 3), ("", None), ("a", None)])
def test_size_of_base64_is_that_of_the_bytes_it_stands_for(text: str, size: int | None) -> None:
    assert decoded_size(text) == size
