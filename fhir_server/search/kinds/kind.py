"""What every kind of search parameter can do: extract what is stored, and tell what a value asks of it.

Spec: https://hl7.org/fhir/R4/search.html#ptypes
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, TypeAlias

from conformance.paths import Typed
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field

Extract: TypeAlias = Callable[[Sequence[Typed], tzinfo], Sequence[Any]]
"""Takes the typed values of a parameter, gives what is stored; times without zone are read in the given one."""

Condition: TypeAlias = Callable[[str, str | None, Field, Context], Filter]
"""Takes one value (still escaped), its modifier and the field; gives the filter that says so.

Errors: Invalid for a value that is no value of this kind
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """Shape: `extract` by variant of the field, "" is the field itself; :missing goes with every kind."""

    extract: Mapping[str, Extract]
    condition: Condition
    modifiers: frozenset[str] = frozenset()


def bad_value(why: str) -> Invalid:
    """Return the error for a value that its parameter cannot take; who knows the parameter names it."""
    return Invalid(Issue("value", why))


def within(where: Field, condition: Mapping[str, Any]) -> Filter:
    """Return the filter that one stored object satisfies a condition on its members.

    An array needs $elemMatch: else one of its objects could satisfy one half, another the other.
    """
    return _prefixed(condition, where.path) if where.single else {where.path: {"$elemMatch": dict(condition)}}


def between(where: Field, low: str, high: str | None) -> Filter:
    """Return the filter that one stored text is in a half-open range; without `high` there is no upper end."""
    texts = {"$gte": low} if high is None else {"$gte": low, "$lt": high}
    return {where.path: texts if where.single else {"$elemMatch": texts}}


def one_of(where: Field, values: Sequence[str]) -> Filter:
    """Return the filter that a stored value is one of some."""
    unique = list(dict.fromkeys(values))
    return {where.path: unique[0] if len(unique) == 1 else {"$in": unique}}


def _prefixed(condition: Mapping[str, Any], path: str) -> Filter:
    return {
        name if name.startswith("$") else f"{path}.{name}": (
            [_prefixed(part, path) for part in value] if name.startswith("$") else value
        )
        for name, value in condition.items()
    }
