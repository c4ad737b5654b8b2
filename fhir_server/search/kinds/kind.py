"""What every kind of search parameter can do: extract what is stored, and tell what a value asks of it.

Spec: https://hl7.org/fhir/R4/search.html#ptypes
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, TypeAlias

from conformance.paths import Typed
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.syntax import PREFIXES

_LONGEST_INSIDE = 1_000
"""MongoDB takes regular expressions of up to 32 kB."""

Extract: TypeAlias = Callable[[Sequence[Typed], tzinfo], Sequence[Any]]
"""Takes the typed values of a parameter, gives what is stored; times without zone are read in the given one."""

Condition: TypeAlias = Callable[[str, str | None, Field, Context], Filter]
"""Takes one value (still escaped), its modifier and the field; gives the filter that says so.

Errors: Invalid for a value that is no value of this kind
"""

Comparison: TypeAlias = Callable[[str, Field, Context], Filter]
"""Takes the value of a comparison in a _filter, and the field; gives the filter that says so."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Shape: `extract` by variant of the field, "" is the field itself; `comparisons` by operator of a _filter.

    What every kind has is not here: :missing, and the operator pr.
    """

    extract: Mapping[str, Extract]
    condition: Condition
    modifiers: frozenset[str] = frozenset()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)


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


def another(where: Field, equal: Filter) -> Filter:
    """Return the filter that there is a stored value besides those that the filter of an equality names."""
    wanted = equal[where.path]
    others = {"$nin": wanted["$in"] if isinstance(wanted, Mapping) else [wanted]}
    return {where.path: {"$elemMatch": others}}


def inside(where: Field, text: str, *, end: bool = False) -> Filter:
    """Return the filter that a stored text has the given one somewhere, or at its end."""
    if len(text) > _LONGEST_INSIDE:
        raise bad_value(f"at most {_LONGEST_INSIDE} characters can be looked for inside of a text")
    # No operator but a regular expression looks inside of a text; all of it is literal.
    return {where.path: {"$regex": re.escape(text) + (r"\z" if end else "")}}


def by_prefix(condition: Condition) -> Mapping[str, Comparison]:
    """Return the comparisons of a kind whose values have prefixes of the same names and meanings."""

    def with_prefix(prefix: str) -> Comparison:
        return lambda text, where, context: condition(prefix + text, None, where, context)

    return {prefix: with_prefix(prefix) for prefix in sorted(PREFIXES)}


def _prefixed(condition: Mapping[str, Any], path: str) -> Filter:
    return {
        name if name.startswith("$") else f"{path}.{name}": (
            [_prefixed(part, path) for part in value] if name.startswith("$") else value
        )
        for name, value in condition.items()
    }
