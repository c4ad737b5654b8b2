"""Which parts of a search rest on parameters that not all stored resources are indexed with yet.

Spec: https://hl7.org/fhir/R4/search.html#errors
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fhir_server.kernel.errors import Issue
from fhir_server.kernel.query import Lookup, Query
from fhir_server.search.includes import ANY, Include
from fhir_server.search.registry import Parameter

_MARK = "~"
"""Stands in the stored names of parameters that users define, and in no other."""


def own_fields(query: Query) -> frozenset[str]:
    """Return the stored names of the parameters of users that a query reads, also behind steps of chains."""
    paths = [key.path for key in query.keys]
    for _type, filter_ in query.legs:
        paths += _paths(filter_)
    names = (segment.partition(":")[0] for path in paths if _MARK in path for segment in path.split("."))
    return frozenset(name for name in names if _MARK in name)


def incomplete(query: Query, includes: Iterable[Include], pending: Sequence[Parameter]) -> list[Issue]:
    """Return a warning for each of the pending parameters that a search rests on: it may overlook resources."""
    fields = own_fields(query)
    reverse = [include for include in includes if include.reverse]
    return [
        Issue(
            "incomplete",
            f"{one.code}: not every {one.type} is indexed with {one.source} yet, so some may be missing;"
            " POST $reindex, or wait for it to end",
            severity="warning",
            expression=one.code,
        )
        for one in pending
        if one.field.code in fields or any(_follows(include, one) for include in reverse)
    ]


def _follows(include: Include, parameter: Parameter) -> bool:
    # _include reads links off the hits themselves; _revinclude looks for them in the index.
    named = include.source in (ANY, parameter.type) and include.code in (ANY, parameter.code)
    return named and parameter.kind == "reference"


def _paths(filter_: Any) -> Iterator[str]:
    match filter_:
        case Lookup(_, inner, path):
            yield path
            yield from _paths(inner)
        case Mapping():
            for name, value in filter_.items():
                yield name
                yield from _paths(value)
        case list() | tuple():
            for part in filter_:
                yield from _paths(part)
