"""What a caller passes to an operation, in the URL or in a Parameters resource; every error names the parameter.

Spec: https://hl7.org/fhir/R4/operations.html#request, https://hl7.org/fhir/R4/parameters.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

from conformance.definitions import OperationDefinition
from fhir_server.kernel.call import Params
from fhir_server.kernel.errors import Invalid, Issue, NotSupported
from fhir_server.kernel.fhir_time import bounds
from fhir_server.kernel.types import Resource
from fhir_server.resources.prepare import Pipeline

Value = TypeVar("Value")

_OF_HTTP = frozenset({"_format", "_pretty"})
"""These belong to HTTP, not to the operation."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter as it was passed.

    Shape: `kind` is the JSON property of its value ("valueUri", "resource"), "" in the URL; `value` is text for all
           simple types, else the JSON object
    """

    name: str
    kind: str
    value: str | Resource


@dataclass(frozen=True, slots=True)
class Arguments:
    """Everything that one call passes, in order."""

    passed: tuple[Argument, ...]

    def check_known(self, definition: OperationDefinition) -> None:
        """Raise NotSupported for a parameter that the operation does not have: ignored, it would mislead."""
        known = {parameter.name for parameter in definition.parameters if parameter.use == "in"}
        for argument in self.passed:
            if argument.name not in known:
                raise NotSupported(_issue("not-supported", argument.name, f"${definition.code} has no such parameter"))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of a parameter of a simple type."""
        return tuple(_text(argument) for argument in self.passed if argument.name == name)

    def text(self, name: str) -> str | None:
        """Return the value of a parameter of a simple type that is given at most once."""
        return _only(name, self.texts(name))

    def code(self, name: str, allowed: frozenset[str]) -> str | None:
        """Return the value of a parameter that is one of a few codes."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise _invalid(name, f"one of {', '.join(sorted(allowed))}")
        return value

    def positive(self, name: str) -> int | None:
        """Return a whole number from 1; one of more than nine digits counts as the greatest of nine."""
        value = self.text(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()) or not (digits := value.lstrip("0")):
            raise _invalid(name, "a whole number from 1")
        return int(digits) if len(digits) < 10 else 999_999_999

    def decimal(self, name: str) -> Decimal | None:
        """Return a decimal number above 0."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = Decimal(value)
        except ArithmeticError:
            raise _invalid(name, "a decimal number") from None
        if not (number.is_finite() and number > 0):
            raise _invalid(name, "a decimal number above 0")
        return number

    def flag(self, name: str) -> bool:
        """Return whether a boolean parameter is true; one that is not given is false."""
        return self.code(name, frozenset({"true", "false"})) == "true"

    def interval(self, name: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
        """Return the half-open interval that a date, dateTime or instant denotes."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return bounds(value, zone)
        except Invalid:
            raise _invalid(name, "a FHIR date or instant") from None

    def elements(self, name: str, fhir_type: str) -> tuple[Resource, ...]:
        """Return the values of a parameter of a complex type, which only a Parameters resource can hold."""
        return tuple(
            _object(argument, f"value{fhir_type}", f"a {fhir_type}")
            for argument in self.passed
            if argument.name == name
        )

    def element(self, name: str, fhir_type: str) -> Resource | None:
        """Return the value of a parameter of a complex type that is given at most once."""
        return _only(name, self.elements(name, fhir_type))

    def resource(self, name: str) -> Resource | None:
        """Return the resource that is passed as a parameter."""
        found = [_object(one, "resource", "a resource") for one in self.passed if one.name == name]
        return _only(name, tuple(found))

    def pairs(self) -> Params:
        """Return all parameters as those of a URL; raise Invalid for one that a URL cannot hold."""
        return tuple((argument.name, _text(argument)) for argument in self.passed)


def checked(pipeline: Pipeline, definition: OperationDefinition, params: Params, body: Resource | None) -> Arguments:
    """Return what is passed to an operation that takes only the parameters of its definition.

    Errors: Invalid for a body that is no valid Parameters resource, NotSupported for an unknown parameter
    """
    arguments = valid(pipeline, params, body)
    arguments.check_known(definition)
    return arguments


def valid(pipeline: Pipeline, params: Params, body: Resource | None) -> Arguments:
    """Return what is passed; a body must be a valid Parameters resource."""
    if body is not None:
        pipeline.check(body)
    return arguments(params, body)


def arguments(params: Params, body: object) -> Arguments:
    """Return what the URL and the body pass; the values in the body need not be valid FHIR yet.

    Errors: Invalid for a body that has not the shape of a Parameters resource, and for a parameter without value
    """
    in_url = tuple(Argument(name, "", value) for name, value in params if name not in _OF_HTTP)
    for argument in in_url:
        if not argument.value:
            raise _invalid(argument.name, "has no value")
    return Arguments((*in_url, *_in_body(body))) if body is not None else Arguments(in_url)


def _in_body(body: object) -> Iterator[Argument]:
    if not isinstance(body, Mapping) or body.get("resourceType") != "Parameters":
        raise Invalid(Issue("structure", "the body must be a Parameters resource", expression="Parameters"))
    listed = body.get("parameter", [])
    if not isinstance(listed, list):
        raise Invalid(Issue("structure", "a list of parameters", expression="Parameters.parameter"))
    for number, one in enumerate(listed):
        where = f"Parameters.parameter[{number}]"
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            raise Invalid(Issue("structure", "a parameter is an object with a name", expression=where))
        yield _argument(one["name"], one)


def _argument(name: str, one: Mapping[str, Any]) -> Argument:
    held = [kind for kind in one if kind.startswith("value") or kind == "resource"]
    if len(held) != 1:
        raise _invalid(name, "has no value" if not held else "has more than one value")
    value: Any = one[held[0]]
    match value:
        case bool():
            return Argument(name, held[0], "true" if value else "false")
        case str() | int() | Decimal():
            return Argument(name, held[0], str(value))
        case dict():
            return Argument(name, held[0], value)
    raise _invalid(name, "is neither a simple value nor an object")


def _text(argument: Argument) -> str:
    if not isinstance(argument.value, str):
        raise _invalid(argument.name, "a simple value")
    return argument.value


def _object(argument: Argument, kind: str, what: str) -> Resource:
    if argument.kind != kind or not isinstance(argument.value, dict):
        raise _invalid(argument.name, f"{what}, in the body as {kind}")
    return argument.value


def _only(name: str, values: tuple[Value, ...]) -> Value | None:
    if len(values) > 1:
        raise _invalid(name, "given more than once")
    return values[0] if values else None


def _issue(code: str, name: str, why: str) -> Issue:
    return Issue(code, f"{name[:60]}: {why}", expression=name[:60])


def _invalid(name: str, why: str) -> Invalid:
    return Invalid(_issue("value", name, why))
