"""What may be seen, and the query that `search` builds and `storage` runs: plain values, no driver.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fhir_server.kernel.equalities import Equalities
from fhir_server.kernel.types import Match


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one principal, in two forms that mean the same.

    `filter` is AND-ed into every collection access; `allows(compartments, security)` decides in process where
    reads of many principals share one database call.
    """

    filter: Mapping[str, Any]
    allows: Callable[[Sequence[str], Sequence[str]], bool]


def _always(_compartments: Sequence[str], _security: Sequence[str]) -> bool:
    return True


EVERYTHING = Access(filter={}, allows=_always)


Filter: TypeAlias = Mapping[str, Any]
"""Conditions on a stored document in the database's own operators; a `Lookup` may stand where a value does."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """Stands in a filter for "one of the values that another query finds": a step of a chain or of _has.

    Shape: of each document of `type` that `filter` finds, the values of `field` that begin with one of `starts`; those
           are stripped of it, and each stands in the outer filter behind every one of `prefixes`; `own` says that it
           finds some of the very documents that the outer filter is about: those that contain what is asked for
    """

    type: str
    filter: Filter
    field: str
    starts: tuple[str, ...] = ("",)
    prefixes: tuple[str, ...] = ("",)
    own: bool = False


@dataclass(frozen=True, slots=True)
class SortKey:
    """A stored value to sort by; documents without it come last in both directions.

    Shape: `lowest` is not above any value of the field's type; `single` says that the field holds one value, else the
           least (descending: the greatest) of its array counts; `marked` that only values after a blank or a tilde
           count, without it: so tokens keep their bare code; `always` that every hit has the value
    """

    path: str
    lowest: Any
    descending: bool = False
    single: bool = True
    marked: bool = False
    always: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two hits: behind the one with these sort values and id, or before it when `backwards`.

    Shape: `passed` counts the hits before the place where a search is to have no more than so many, else 0
    """

    values: tuple[Any, ...]
    type: str
    id: str
    backwards: bool = False
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """What to find: one leg for each resource type, in one common order.

    Shape: `legs` are (type, filter); `keys` may be empty: then ids decide alone. Ids decide between equals; where they
           go against the direction of the one key, an index can be read in this order. `equalities` tell what the one
           leg asks for, where that is known to be little; `several` is a path with an index that all documents have
           which may satisfy two values of the one leg's $in, None where there is none.
    """

    legs: tuple[tuple[str, Filter], ...]
    keys: tuple[SortKey, ...] = ()
    ids_descend: bool = True
    count: int = 50
    position: Position | None = None
    equalities: Equalities | None = None
    several: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some hits in order, and where the pages around them begin; None where there is none."""

    versions: tuple[Match, ...]
    next: Position | None = None
    previous: Position | None = None
