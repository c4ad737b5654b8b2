"""A find that several searches share: its conditions, and to each search what it would have found alone.

Spec: https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from fhir_server.kernel.equalities import Equalities, Equality
from fhir_server.kernel.layout import COMPARTMENTS, ID, SECURITY, UPDATED
from fhir_server.kernel.query import Access, Filter, Query
from fhir_server.storage.find.order import Hit, value_at
from fhir_server.storage.find.probe import joined

_Document: TypeAlias = dict[str, Any]
_EMPTY: Mapping[str, Any] = {}


class Wanted(NamedTuple):
    """The first hits of a query: `limit` of them, of one type, under a filter that has the access rule in it.

    Shape: `shown` is the projection of what is to be shown of them
    """

    type: str
    filter: Filter
    shown: Mapping[str, Any]
    query: Query
    access: Access
    limit: int


class Found(NamedTuple):
    """The first hits in order, and how many there are in all; None where that is not known."""

    hits: list[Hit]
    total: int | None


class Item(NamedTuple):
    """A search that shares a find, and what it asks for."""

    wanted: Wanted
    equalities: Equalities


def condition(items: Sequence[Item]) -> Filter:
    """Return the filter of what all searches together find: one condition for those that differ in the record alone.

    The database plans each branch of an $or by itself: searches for the same of many records cost half of its time.
    """
    alike: dict[object, list[Item]] = {}
    for item in items:
        equal = item.equalities
        alike.setdefault((equal.link[0], equal.others, id(item.wanted.access)), []).append(item)
    branches = [_branch(group) for group in alike.values()]
    return branches[0] if len(branches) == 1 else {"$or": branches}


def told_apart(items: Sequence[Item]) -> bool:
    """Tell whether searches ask for different things of one record: then its name does not tell whose a document is."""
    asked: dict[str, Sequence[Equality]] = {}
    return any(asked.setdefault(value, equal.others) != equal.others for _, equal in items for value in equal.link[1])


def projection(items: Sequence[Item], *, apart: bool) -> dict[str, Any]:
    """Return what is needed of the documents: to show them, to tell whose they are, and to sort them.

    Only where searches are told `apart` it is all that they ask for: codes are half of what there is to decode.
    """
    paths = {path for _, equal in items for path in (equal.form if apart else equal.form[:1])}
    keys = {key.path for wanted, _ in items for key in wanted.query.keys}
    rules = {COMPARTMENTS, SECURITY} if any(wanted.access.filter for wanted, _ in items) else set[str]()
    shown = {name for wanted, _ in items for name in wanted.shown}
    return dict.fromkeys(sorted(shown | paths | keys | rules), True)


def dealt(items: Sequence[Item], documents: Sequence[_Document], *, apart: bool) -> list[Found] | None:
    """Return to each search what it would have found alone, and how much of it there is; times come without zone.

    None when it cannot be told whose a document is, since the searches were not told `apart`.
    """
    mine: list[list[_Document]] = [[] for _ in items]
    for document, asked_by in zip(documents, _asking(items, documents), strict=True):
        if len(asked_by) > 1 and not _alike(items, asked_by):  # one alone is the one for which it was found
            if not apart:
                return None
            asked_by = [number for number in asked_by if _has(document, items[number].equalities.others)]
        for number in asked_by:
            mine[number].append(document)
    return [_first(item.wanted, found) for item, found in zip(items, mine, strict=True)]


def _asking(items: Sequence[Item], documents: Sequence[_Document]) -> list[Collection[int]]:
    """Return for each document the numbers of the searches that ask for its record."""
    asking: dict[str, dict[str, list[int]]] = {}
    for number, (_, equal) in enumerate(items):
        path, values = equal.link
        by_value = asking.setdefault(path, {})
        for value in values:
            by_value.setdefault(value, []).append(number)
    found: list[Collection[int]] = [()] * len(documents)
    for path, by_value in asking.items():
        for place, value in enumerate(_column(path, documents)):
            for text in (value,) if type(value) is str else value or ():
                if numbers := by_value.get(text):
                    found[place] = {*found[place], *numbers} if found[place] else numbers
    return found


def _branch(group: Sequence[Item]) -> Filter:
    """Return the condition of searches that ask for the same of several records."""
    wanted, equal = group[0]
    if len(group) == 1:
        return wanted.filter
    link = equal.link[0], frozenset(text for one in group for text in one.equalities.link[1])
    parts = [{path: {"$in": sorted(values)}} for path, values in (link, *equal.others)]
    return joined([*parts, wanted.access.filter] if wanted.access.filter else parts)


def _alike(items: Sequence[Item], numbers: Iterable[int]) -> bool:
    first, *rest = (items[number].equalities.others for number in numbers)
    return all(others == first for others in rest)


def _has(document: Mapping[str, Any], others: Iterable[Equality]) -> bool:
    return all(not values.isdisjoint(_texts(value_at(document, path))) for path, values in others)


def _first(wanted: Wanted, found: list[_Document]) -> Found:
    """Return the first hits in the order of a query with one key at most; those without its value come last."""
    query, limit, access = wanted.query, wanted.limit, wanted.access
    if access.filter:
        found = [one for one in found if access.allows(one.get(COMPARTMENTS, ()), one.get(SECURITY, ()))]
    if UPDATED in wanted.shown:
        for one in found:
            one[UPDATED] = _in_utc(one[UPDATED])
    found.sort(key=itemgetter(ID), reverse=query.ids_descend)
    if not query.keys:
        return Found([Hit(wanted.type, one, ()) for one in found[:limit]], len(found))
    (key,) = query.keys
    values = _column(key.path, found)
    ordered = list(zip(values, found, strict=True))
    absent = [pair for pair in ordered if pair[0] is None] if None in values else []
    if absent:
        ordered = [pair for pair in ordered if pair[0] is not None]
    ordered.sort(key=itemgetter(0), reverse=key.descending)
    ordered += absent
    if len(found) < limit and len(query.legs) == 1:  # no further page, no other type: nobody asks for a place
        return Found([Hit(wanted.type, one, ()) for _, one in ordered], len(found))
    return Found([Hit(wanted.type, one, (_in_utc(value),)) for value, one in ordered[:limit]], len(found))


def _in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _column(path: str, documents: Sequence[_Document]) -> list[Any]:
    """Return the value of each document at "index.date.low"; single values alone lie below others."""
    match path.split("."):
        case [outer, name]:
            return [(one.get(outer) or _EMPTY).get(name) for one in documents]
        case [outer, middle, name]:
            return [((one.get(outer) or _EMPTY).get(middle) or _EMPTY).get(name) for one in documents]
    return [value_at(one, path) for one in documents]


def _texts(value: Any) -> Sequence[str]:
    return (value,) if type(value) is str else value or ()
