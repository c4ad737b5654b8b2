"""What the validator found wrong, and where.

Spec: https://hl7.org/fhir/R4/operationoutcome.html
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Severity = Literal["error", "warning", "information"]

# Names and codes are shown only when they look like such: anything else may be patient data.
_SHOWABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-/+|]*")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Shape: `code` is a FHIR issue type ("structure", "required", "value", "code-invalid", "invariant", "too-long");
           `expression` is a FHIRPath of element names and indexes: "Patient.contact[1].telecom[0].system". While a
           check is under way it is relative to the value being checked, so that valid data never pay for a path.
    Spec:  https://hl7.org/fhir/R4/valueset-issue-type.html
    """

    severity: Severity
    code: str
    diagnostics: str
    expression: str = ""


@dataclass(frozen=True, slots=True)
class DanglingReference(Problem):
    """A reference to "#`target`": a problem unless the resource around it contains a resource of that id."""

    target: str = ""


def error(code: str, diagnostics: str, expression: str = "") -> Problem:
    """Return a problem of severity error."""
    return Problem("error", code, diagnostics, expression)


def invariant(key: str, human: str, expression: str = "") -> Problem:
    """Return the violation of an invariant of the standard, named by its key."""
    return error("invariant", f"{key}: {human}", expression)


def within(place: str, problems: Iterable[Problem]) -> list[Problem]:
    """Return problems as seen from outside: `place` (".name", "[2]") put before each expression."""
    return [replace(problem, expression=place + problem.expression) for problem in problems]


def capped(problems: Sequence[Problem], limit: int) -> list[Problem]:
    """Return at most `limit` problems; where there are more, the last one says how many were left out."""
    if len(problems) <= limit:
        return list(problems)
    left_out = len(problems) - limit + 1
    more = Problem("information", "too-costly", f"{left_out} further problems are not listed")
    return [*problems[: limit - 1], more]


def shown(name: object, otherwise: str) -> str:
    """Return a name or code quoted and cut to a readable length, or `otherwise` where it may be anything else."""
    if not isinstance(name, str) or not _SHOWABLE.fullmatch(name[:_SHOWN]):
        return otherwise
    return f"'{name}'" if len(name) <= _SHOWN else f"'{name[:_SHOWN]}…'"
