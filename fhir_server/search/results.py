"""The parameters that say how results are to be returned: order, size, parts, total, includes.

Spec: https://hl7.org/fhir/R4/search.html#return
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, TypeVar, get_args

from fhir_server.kernel.call import Params
from fhir_server.kernel.errors import Invalid, Issue, TooCostly
from fhir_server.kernel.query import SortKey
from fhir_server.search.fields import sort_key
from fhir_server.search.registry import Parameter

Total: TypeAlias = Literal["none", "estimate", "accurate"]
Summary: TypeAlias = Literal["true", "text", "data", "count", "false"]
Contained: TypeAlias = Literal["false", "true", "both"]
ContainedType: TypeAlias = Literal["container", "contained"]

RESULT_PARAMETERS = frozenset(
    {"_sort", "_count", "_total", "_summary", "_elements", "_contained", "_containedType", "_explain", "_maxresults"}
)
_TOTALS: Mapping[str, Total] = {value: value for value in get_args(Total)}
_SUMMARIES: Mapping[str, Summary] = {value: value for value in get_args(Summary)}
_EXPLAIN: Mapping[str, Literal["true", "false"]] = {"true": "true", "false": "false"}
_CONTAINED: Mapping[str, Contained] = {value: value for value in get_args(Contained)}
_CONTAINED_TYPES: Mapping[str, ContainedType] = {value: value for value in get_args(ContainedType)}
Choice = TypeVar("Choice", Total, Summary, Contained, ContainedType, Literal["true", "false"])

MOST_KEYS = 10
"""Parameters to sort by: the database takes 32 in all, two for each and the id."""

_SHORT = 200
"""Values up to this length are worth remembering, and do not fill the memory."""

IGNORED = frozenset({"_format", "_pretty"})
"""These belong to HTTP, not to the search."""


@dataclass(frozen=True, slots=True)
class Results:
    """How results are to be returned; None where the client did not say.

    Shape: `most` is how many hits all pages together may have, as _maxresults of R5
    """

    sort: tuple[str, ...] = ()
    count: int | None = None
    total: Total | None = None
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    explain: bool = False
    most: int | None = None
    contained: Contained = "false"
    contained_type: ContainedType = "container"

    @property
    def count_only(self) -> bool:
        return self.summary == "count" or self.count == 0

    @property
    def whole(self) -> bool:
        """Whether the client wants all of each resource."""
        return not self.elements and self.summary in (None, "false", "count")


def results(params: Iterable[tuple[str, str]]) -> Results:
    """Return what the result parameters among some parameters say.

    Errors: Invalid for a value that is not allowed, and for one that is given twice
    """
    asked = tuple([pair for pair in params if pair[0] in RESULT_PARAMETERS])
    return _remembered(asked) if all(len(value) <= _SHORT for _, value in asked) else _results(asked)


def _results(params: Params) -> Results:
    once: dict[str, str] = {}
    lists: dict[str, list[str]] = {"_sort": [], "_elements": []}
    for name, value in params:
        if name in lists:
            lists[name] += [part.strip() for part in value.split(",") if part.strip()]
        elif value and once.setdefault(name, value) != value:
            raise _invalid(name, "given twice with different values")
    return Results(
        sort=tuple(lists["_sort"]),
        count=_whole("_count", once.get("_count")),
        total=_choice("_total", once, _TOTALS),
        summary=_choice("_summary", once, _SUMMARIES),
        elements=tuple(lists["_elements"]),
        explain=_choice("_explain", once, _EXPLAIN) == "true",
        most=_most(once.get("_maxresults")),
        contained=_choice("_contained", once, _CONTAINED) or "false",
        contained_type=_choice("_containedType", once, _CONTAINED_TYPES) or "container",
    )


_remembered = lru_cache(maxsize=500)(_results)
"""Clients ask for results of the same form again and again."""


def sort_keys(codes: Iterable[str], parameters: Mapping[str, Parameter]) -> tuple[tuple[SortKey, ...], bool | None]:
    """Return the keys of a _sort, and whether ids are to descend (None: not asked).

    Errors: Invalid for a parameter that is unknown or that has no order
    """
    keys: dict[str, SortKey] = {}
    for code in codes:
        descending, name = code.startswith("-"), code.removeprefix("-")
        parameter = parameters.get(name)
        if parameter is None:
            raise _invalid("_sort", f"there is no search parameter {name[:60]!r} to sort by")
        if name == "_id":
            return tuple(keys.values()), descending  # nothing after it can decide
        if not parameter.is_stored or parameter.parts or parameter.kind == "special":
            raise _invalid("_sort", f"{name} has no order")
        keys.setdefault(name, sort_key(parameter.field, parameter.kind, descending=descending))
        if len(keys) > MOST_KEYS:
            why = f"_sort: a search may be sorted by {MOST_KEYS} parameters"
            raise TooCostly(Issue("too-costly", why, expression="_sort"))
    return tuple(keys.values()), None


def _most(text: str | None) -> int | None:
    most = _whole("_maxresults", text)
    if most == 0:
        raise _invalid("_maxresults", "at least 1; to count without hits, use _summary=count")
    return most


def _whole(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise _invalid(name, "not a whole number")
    return int(text[-9:]) if len(text.lstrip("0")) < 10 else 10**9


def _choice(name: str, given: Mapping[str, str], allowed: Mapping[str, Choice]) -> Choice | None:
    value = given.get(name)
    if value is not None and value not in allowed:
        raise _invalid(name, f"one of {', '.join(allowed)}")
    return None if value is None else allowed[value]


def _invalid(name: str, why: str) -> Invalid:
    return Invalid(Issue("value", f"{name}: {why}", expression=name))
