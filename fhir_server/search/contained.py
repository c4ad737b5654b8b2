"""Contained resources: stored with their container as documents of their own would be, searched by the same filters.

Stored: under `index.contained` an element {type, _id, index} for each contained resource that has an id. They were
last updated when their container was.
Spec: https://hl7.org/fhir/R4/search.html#contained
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel.layout import CONTAINED, ID, INDEX, TYPE, IndexSpec
from fhir_server.kernel.query import Filter, Query
from fhir_server.kernel.types import Resource
from fhir_server.search.criteria import alive, either

FOLDER = CONTAINED.removeprefix(f"{INDEX}.")

SPEC = IndexSpec(FOLDER, ((f"{CONTAINED}.$**", 1),))
"""Documents without contained resources have no keys in it."""


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


def elements(container: Resource, index: Callable[[Resource], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what is stored of the resources that one contains; `index` gives the index of a resource."""
    updated = container.get("meta", {}).get("lastUpdated")
    stamp = {} if updated is None else {"lastUpdated": updated}
    return [
        {
            TYPE: one["resourceType"],
            ID: one["id"],
            INDEX: dict(index({**one, "meta": {**one.get("meta", {}), **stamp}})),
        }
        for one in container["contained"]
        if "id" in one
    ]


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
