"""How hits are ordered and where a page begins: sort specifications and keyset conditions.

A sort by one stored value reads an index: first the documents that have the value, then, as the standard wants in both
directions, those without. Other sorts are computed by the database from the values of each document.

Spec: https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from msgspec import Struct

from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Filter, Position, Query, SortKey

_MARKS = (" ", "~")
"""Before the bare codes of tokens: the second one where case does not matter."""


class Hit(Struct, frozen=True):
    """A document that was found, and its sort values; None where it has none."""

    type: str
    document: Mapping[str, Any]
    values: tuple[Any, ...]

    @property
    def id(self) -> str:
        id_: str = self.document[ID]
        return id_


@dataclass(frozen=True, slots=True)
class Reading:
    """One find or aggregation: `values` takes the sort values from its documents."""

    filter: Filter
    sort: list[tuple[str, int]]
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    projected: tuple[str, ...] = ()
    computed: tuple[dict[str, Any], ...] = ()


def place(hit: Hit, *, backwards: bool = False) -> Position:
    """Return the position behind a hit, or before it."""
    return Position(hit.values, hit.type, hit.id, backwards)


def reading(type_: str, query: Query) -> Iterator[Reading]:
    """Yield what to read of one type, in this order, until there are enough hits."""
    if not query.keys:
        yield _by_id(type_, query)
    elif len(query.keys) == 1 and query.keys[0].single:
        phases = list(_by_value(type_, query, query.keys[0]))
        yield from reversed(phases) if _backwards(query) else phases
    else:
        yield _by_computed(type_, query)


def as_found(query: Query, backwards: bool) -> Callable[[Hit], Any]:
    """Return the sort key of hits of several types, in the order in which they are read.

    Several types are sorted only by what every resource has, so no value is missing.
    """
    signs = [-1 if key.descending else 1 for key in query.keys]
    way = -1 if backwards else 1

    def compare(left: Hit, right: Hit) -> int:
        for sign, one, other in zip(signs, left.values, right.values, strict=True):
            if order := _compare(one, other, sign):
                return order * way
        ids = _compare((left.id, left.type), (right.id, right.type), 1)
        return ids * way * (-1 if query.ids_descend else 1)

    return cmp_to_key(compare)


def _compare(one: Any, other: Any, sign: int) -> int:
    return sign * (int(one > other) - int(one < other))


def _backwards(query: Query) -> bool:
    return query.position is not None and query.position.backwards


def _way(descending: bool, query: Query) -> int:
    return -1 if descending != _backwards(query) else 1


def _beyond(path: str, way: int, value: Any, *, inclusive: bool = False) -> Filter:
    operator = "$gt" if way > 0 else "$lt"
    return {path: {operator + ("e" if inclusive else ""): value}}


def _id_beyond(type_: str, query: Query) -> Filter:
    """Return the condition that breaks a tie with the position; between types, their names do."""
    position, way = query.position, _way(query.ids_descend, query)
    assert position is not None
    same_may_follow = (type_ > position.type) if way > 0 else (type_ < position.type)
    return _beyond(ID, way, position.id, inclusive=same_may_follow)


def _by_id(type_: str, query: Query) -> Reading:
    condition = {} if query.position is None else _id_beyond(type_, query)
    return Reading(condition, [(ID, _way(query.ids_descend, query))], lambda _document: ())


def _by_value(type_: str, query: Query, key: SortKey) -> Iterator[Reading]:
    """Yield the documents with a sort value, then those without; what the position has passed is left out."""
    position, way = query.position, _way(key.descending, query)
    sort = [(key.path, way), (ID, _way(query.ids_descend, query))]
    if position is None and way < 0:
        # MongoDB puts what has no value last in this direction by itself: one round trip instead of two.
        yield Reading({}, sort, lambda document: (value_at(document, key.path),), (key.path,))
        return
    at = position.values[0] if position is not None else None
    if position is None or at is not None or position.backwards:
        present: Filter = {key.path: {"$gte": key.lowest}}
        if at is not None:
            tied = {"$or": [_beyond(key.path, way, at), _id_beyond(type_, query)]}
            bound = _beyond(key.path, way, at, inclusive=True)[key.path]
            present = {key.path: {**({"$gte": key.lowest} if way < 0 else {}), **bound}, **tied}
        yield Reading(present, sort, lambda document: (value_at(document, key.path),), (key.path,))
    if not key.always and (position is None or at is None or not position.backwards):
        absent: Filter = {key.path: None}
        if position is not None and at is None:
            absent = {"$and": [absent, _id_beyond(type_, query)]}
        yield Reading(absent, sort, lambda _document: (None,))


def _by_computed(type_: str, query: Query) -> Reading:
    """Return the sort by several keys, or by the least or greatest of several values."""
    names = [f"sort{number}" for number in range(len(query.keys))]
    values = {name: _expression(key) for name, key in zip(names, query.keys, strict=True)}
    missing = {f"{name}_missing": {"$cond": [{"$gt": [f"${name}", None]}, 0, 1]} for name in names}
    order: dict[str, int] = {}
    for name, key in zip(names, query.keys, strict=True):
        order |= {f"{name}_missing": _way(False, query), name: _way(key.descending, query)}
    order[ID] = _way(query.ids_descend, query)
    steps: list[dict[str, Any]] = [{"$set": values}, {"$set": missing}]
    if query.position is not None:
        steps.append({"$match": {"$or": list(_after(type_, query, names))}})
    return Reading(
        {},
        [],
        lambda document: tuple(document.get(name) for name in names),
        tuple(names),
        (*steps, {"$sort": order}),
    )


def _after(type_: str, query: Query, names: Sequence[str]) -> Iterator[Filter]:
    """Yield the ways in which a document can lie beyond the position: by its first differing key, or by its id."""
    position = query.position
    assert position is not None
    equal: dict[str, Any] = {}
    for name, key, value in zip(names, query.keys, position.values, strict=True):
        flag = f"{name}_missing"
        yield {**equal, **_beyond(flag, _way(False, query), int(value is None))}
        if value is not None:
            yield {**equal, flag: 0, **_beyond(name, _way(key.descending, query), value)}
            equal[name] = value
        equal[flag] = int(value is None)
    yield {**equal, **_id_beyond(type_, query)}


def _expression(key: SortKey) -> Any:
    """Return the expression of a document's sort value."""
    values: Any = f"${key.path}"
    if key.marked:
        bare = {"$in": [{"$substrCP": ["$$this", 0, 1]}, list(_MARKS)]}
        listed = {"$cond": [{"$isArray": values}, values, [values]]}
        codes = {"$filter": {"input": {"$ifNull": [listed, []]}, "cond": bare}}
        values = {"$map": {"input": codes, "in": {"$substrCP": ["$$this", 1, {"$strLenCP": "$$this"}]}}}
    elif key.single:
        return values
    return {"$max" if key.descending else "$min": values}


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """Return what stands in a document at "index.date.low", None when nothing does."""
    found: Any = document
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found
