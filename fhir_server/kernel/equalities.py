"""Filters that ask for nothing but values, one of them a link to a record: what matches is little and told apart.

Spec: https://hl7.org/fhir/R4/compartmentdefinition.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fhir_server.kernel.layout import INDEX

Equality: TypeAlias = tuple[str, frozenset[str]]
"""The path of a stored field, and the values of which it must have one."""

_FEW_LINKS = 8
"""Spellings of links to a record that one search may ask for, as to one or two of them."""

_RECORD = re.compile(r"(?:.*/)?(?:Patient|Encounter|EpisodeOfCare)/[^/]+", re.DOTALL)
"""A link to what has a bounded number of resources that refer to it."""

_ANY_OF = frozenset({"$in"})
_TEXTS = frozenset({str})

_CURATED = re.compile(rf"{INDEX}\.[^.]+")


@dataclass(frozen=True, slots=True)
class Equalities:
    """What a filter asks for: the `link` to a record, and all of the `others`.

    Shape: `form` are the fields of all of them; searches of one form bring about as much
    """

    link: Equality
    others: tuple[Equality, ...]
    form: tuple[str, ...]


def equalities(filter_: Mapping[str, Any], *, besides: Mapping[str, Any] | None = None) -> Equalities | None:
    """Return what a filter asks for when that is nothing but values, among them a link to a record.

    Shape: the part of the filter that is `besides` itself is not looked at
    """
    link: Equality | None = None
    others: list[Equality] = []
    for path, condition in _conditions(filter_, besides):
        values = _values(condition)
        if values is None or path.startswith("$"):
            return None
        if link is None and _leads_to_record(path, values):
            link = (path, values)
        else:
            others.append((path, values))
    return None if link is None else Equalities(link, tuple(others), (link[0], *(path for path, _ in others)))


def _leads_to_record(path: str, values: frozenset[str]) -> bool:
    return len(values) <= _FEW_LINKS and _CURATED.fullmatch(path) is not None and all(map(_RECORD.fullmatch, values))


def _conditions(filter_: Mapping[str, Any], besides: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    for name, value in filter_.items():
        if name == "$and":
            for part in value:
                if part is not besides:
                    yield from _conditions(part, besides)
        else:
            yield name, value


def _values(condition: Any) -> frozenset[str] | None:
    if isinstance(condition, str):
        return frozenset((condition,))
    # Every search comes by: to match a mapping by its shape takes three times as long.
    if isinstance(condition, dict) and condition.keys() == _ANY_OF and set(map(type, condition["$in"])) <= _TEXTS:
        return frozenset(condition["$in"])
    return None
