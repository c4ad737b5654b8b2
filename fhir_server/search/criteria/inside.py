"""Chains into contained resources: the condition behind a step, put to what a resource has inside of it.

A way says how a container reaches a contained resource: by the path of a reference below the index, and where that
leads through others, by their types and paths: "rare.medication", "rare.medication Medication.rare.manufacturer".
Spec: https://hl7.org/fhir/R4/search.html#contained, https://hl7.org/fhir/R4/search.html#chaining
"""

from collections.abc import Iterator, Sequence
from typing import Any

from fhir_server.kernel.layout import CONTAINED, ID, INDEX, TYPE, WAYS
from fhir_server.kernel.query import Filter, Lookup

_ELEMENT = "$elemMatch"


def onwards(way: str, type_: str) -> str:
    """Return how ways begin that lead on from a resource of a type."""
    return f"{way} {type_}."


def put_inside(type_: str, path: str, filter_: Filter) -> Iterator[Filter]:
    """Yield conditions on a container of which one holds when a filter does for a resource of a type inside of it.

    `path` is that of the reference by which the container reaches it. What refers to resources by their ids (_has,
    _list) cannot refer to contained ones.
    """
    yield from _put_inside(type_, path.removeprefix(f"{INDEX}."), filter_)


def _put_inside(type_: str, way: str, filter_: Filter) -> Iterator[Filter]:
    match filter_:
        case {"_id": Lookup(own=True) as further}:
            for condition in _conditions(further):
                element = condition[CONTAINED][_ELEMENT]
                yield {CONTAINED: {_ELEMENT: {**element, WAYS: onwards(way, type_) + element[WAYS]}}}
        case {"$or": list(alternatives)} if _looks_up(alternatives):
            for one in alternatives:
                yield from _put_inside(type_, way, one)
        case _ if not _looks_up(alone := _without_own(filter_), ID):
            yield {CONTAINED: {_ELEMENT: {TYPE: type_, WAYS: way, **alone}}}


def _without_own(filter_: Filter) -> Filter:
    """Return a filter without what several contained resources would have to satisfy together: no filter can tell."""
    match filter_:
        case {"$and": list(parts)}:
            return {"$and": [_without_own(part) for part in parts]}
        case {"$or": list(alternatives)}:
            return {"$or": [one for one in alternatives if not isinstance(one.get(ID), Lookup) or not one[ID].own]}
    return filter_


def containers(type_: str, conditions: Sequence[Filter]) -> list[Filter]:
    """Return what finds the resources of a type by the conditions on what they contain; nothing without any.

    They are looked up by themselves: most databases have none, and an alternative beside the others would be in the
    way of their order.
    """
    if not conditions:
        return []
    ways = dict.fromkeys(one[CONTAINED][_ELEMENT][WAYS] for one in conditions)
    has_one = {CONTAINED: {_ELEMENT: {WAYS: {"$in": list(ways)}}}}
    return [{ID: Lookup(type_, {"$and": [has_one, {"$or": list(conditions)}]}, ID, own=True)}]


def _conditions(lookup: Lookup) -> Sequence[Filter]:
    """Return the conditions that `containers` was given."""
    _, one_of = lookup.filter["$and"]
    found: Sequence[Filter] = one_of["$or"]
    return found


def _looks_up(part: Any, path: str | None = None) -> bool:
    """Tell whether a filter has lookups in it, at a path if one is given."""
    match part:
        case dict():
            return any(
                path in (None, name) if isinstance(value, Lookup) else _looks_up(value, path)
                for name, value in part.items()
            )
        case list():
            return any(_looks_up(one, path) for one in part)
    return False
