"""Contained resources: stored with their container as documents of their own would be, searched by the same filters.

Stored: under `index.contained` an element {type, _id, index, ways} for each contained resource that has an id. They
were last updated when their container was. `ways` are the references by which the container reaches one, step by step.
Spec: https://hl7.org/fhir/R4/search.html#contained, https://hl7.org/fhir/R4/references.html#contained
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel.layout import CONTAINED, ID, INDEX, TYPE, WAYS, IndexSpec
from fhir_server.kernel.query import Filter, Query
from fhir_server.kernel.types import Resource
from fhir_server.search.criteria import alive, either
from fhir_server.search.criteria.inside import onwards

FOLDER = CONTAINED.removeprefix(f"{INDEX}.")

SPEC = IndexSpec(FOLDER, ((f"{CONTAINED}.$**", 1),), {"partialFilterExpression": {CONTAINED: {"$exists": True}}})
"""Documents without contained resources have no key in it; of the others, only $elemMatch finds them by it."""

_MOST_WAYS = 200
"""Ways of one container that are stored, the shortest first: resources that all refer to all have too many."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What is looked for inside of containers.

    Shape: `filters` are those of the search by type; `around` are conditions on the container; `whole` says that
           resources which are not contained are hits as well
    """

    filters: Mapping[str, Filter]
    around: tuple[Filter, ...]
    whole: bool

    @property
    def query(self) -> Query:
        """What finds the resources that are not contained."""
        return Query(tuple((type_, alive(*self.around, filter_)) for type_, filter_ in self.filters.items()))


def elements(
    container: Resource, own: Mapping[str, Any], index: Callable[[Resource], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what is stored of the resources that one with the index `own` contains; `index` gives that of each."""
    updated = container.get("meta", {}).get("lastUpdated")
    stamp = {} if updated is None else {"lastUpdated": updated}
    found = [
        {
            TYPE: one["resourceType"],
            ID: one["id"],
            INDEX: dict(index({**one, "meta": {**one.get("meta", {}), **stamp}})),
        }
        for one in container["contained"]
        if "id" in one
    ]
    _tell_ways(own, {f"#{one[ID]}": one for one in found})
    return found


def _tell_ways(own: Mapping[str, Any], element_of: Mapping[str, dict[str, Any]]) -> None:
    """Note in each element by which references of the container, and of others that it contains, it is reached."""
    told = 0
    waiting = deque([("", own, frozenset[str]())])
    while waiting:
        before, index, passed = waiting.popleft()
        for path, link in _links(index):
            if link not in element_of or link in passed:
                continue
            if told == _MOST_WAYS:
                return
            told += 1
            element, way = element_of[link], before + path
            element.setdefault(WAYS, []).append(way)
            waiting.append((onwards(way, element[TYPE]), element[INDEX], passed | {link}))


def _links(index: Mapping[str, Any], folder: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and text of each value that can be a reference to a contained resource."""
    for name, value in index.items():
        if isinstance(value, Mapping):
            yield from () if folder else _links(value, f"{name}.")
        else:
            texts = value if isinstance(value, list) else [value]
            yield from ((folder + name, text) for text in texts if isinstance(text, str) and text.startswith("#"))


def legs(inside: Inside, containers: Sequence[str]) -> tuple[tuple[str, Filter], ...]:
    """Return the legs of a query that finds the containers, and where whole resources count, these among them.

    `containers` are the types that may contain something.
    """
    contained = either([_element(type_, filter_) for type_, filter_ in inside.filters.items()])
    found = dict.fromkeys(containers, contained)
    if inside.whole:
        for type_, filter_ in inside.filters.items():
            found[type_] = either([filter_, contained]) if type_ in found else filter_
    return tuple((type_, alive(*inside.around, filter_)) for type_, filter_ in found.items())


def _element(type_: str, filter_: Filter) -> Filter:
    return {CONTAINED: {"$elemMatch": {"$and": [{TYPE: type_}, filter_]}}}
