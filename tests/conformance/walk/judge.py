"""The validator of R4, and short ways to ask it."""

from functools import cache
from typing import Any

from conformance import definitions
from conformance.walk import Problem, Validator

Found = list[tuple[str, str]]


@cache
def validator() -> Validator:
    return Validator(definitions())


def problems(resource: object) -> list[Problem]:
    return validator().issues(resource)


def found(resource: object) -> Found:
    """Return issue type and place of each problem."""
    return [(problem.code, problem.expression) for problem in problems(resource)]


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def observation(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "weight"}, **elements}


def parameters(**parameter: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [{"name": "x", **parameter}]}
