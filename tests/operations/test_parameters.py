"""What a caller passes to an operation."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.kernel.errors import Invalid, NotSupported
from fhir_server.operations.definition import standard
from fhir_server.operations.parameters import Arguments, arguments


def body(*parameters: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(parameters)}


def passed(value: str) -> Arguments:
    return arguments((("x", value),), None)


def test_url_and_body_are_read_together() -> None:
    both = arguments((("a", "1"),), body({"name": "a", "valueInteger": 2}))
    assert ("1", "2") == both.texts("a")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [("valueBoolean", True, "true"), ("valueDecimal", Decimal("1.50"), "1.50"), ("valueCode", "x", "x")],
)
def test_simple_values_of_the_body_are_what_they_would_be_in_the_url(kind: str, value: Any, text: str) -> None:
    assert (("a", text),) == arguments((), body({"name": "a", kind: value})).pairs()


def test_parameters_of_http_are_not_those_of_the_operation() -> None:
    assert () == arguments((("_format", "json"), ("_pretty", "true")), None).passed


def test_a_parameter_that_the_operation_does_not_have_is_refused() -> None:
    with pytest.raises(NotSupported, match=r"^x: \$everything has no such parameter"):
        passed("1").check_known(standard("everything", "Patient"))


Read = Callable[[Arguments], object]
BAD: list[tuple[str, Read]] = [
    ("0", lambda one: one.positive("x")),
    ("-1", lambda one: one.positive("x")),
    ("1.5", lambda one: one.positive("x")),
    ("²", lambda one: one.positive("x")),
    ("nan", lambda one: one.decimal("x")),
    ("abc", lambda one: one.decimal("x")),
    ("0", lambda one: one.decimal("x")),
    ("yes", lambda one: one.flag("x")),
    ("b", lambda one: one.code("x", frozenset({"a"}))),
    ("2020-13", lambda one: one.interval("x", UTC)),
    ("text", lambda one: one.element("x", "Meta")),
    ("text", lambda one: one.resource("x")),
]


@pytest.mark.parametrize(("value", "read"), BAD)
def test_a_value_that_cannot_be_read_is_named(value: str, read: Read) -> None:
    with pytest.raises(Invalid) as caught:
        read(passed(value))
    assert ("x", "x: ") == (caught.value.issues[0].expression, caught.value.issues[0].diagnostics[:3])


def test_good_values_are_read() -> None:
    assert 12 == passed("012").positive("x")
    assert 999_999_999 == passed("9" * 5000).positive("x")
    assert Decimal("0.5") == passed("0.5").decimal("x")
    assert (True, False) == (passed("true").flag("x"), passed("true").flag("y"))
    assert (datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)) == passed("2020").interval("x", UTC)


def test_a_value_given_twice_is_refused_where_one_is_meant() -> None:
    with pytest.raises(Invalid, match="x: given more than once"):
        arguments((("x", "1"), ("x", "2")), None).text("x")


@pytest.mark.parametrize(
    "bad",
    [
        [],
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": {}},
        body("a"),
        body({"valueString": "no name"}),
        body({"name": "x"}),
        body({"name": "x", "valueString": "1", "valueCode": "2"}),
        body({"name": "x", "valueString": ["1"]}),
    ],
)
def test_a_body_of_another_shape_is_refused(bad: object) -> None:
    with pytest.raises(Invalid):
        arguments((), bad)
