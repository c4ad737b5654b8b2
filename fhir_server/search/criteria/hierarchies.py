"""Hierarchies: resources that are part of others of their type, for `:above` and `:below` of references.

Spec: https://hl7.org/fhir/R4/search.html#recursive
"""

from collections.abc import Sequence

from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.search.criteria.links import referred, referring
from fhir_server.search.criteria.scope import Scope
from fhir_server.search.registry import Parameter

DEEPEST_HIERARCHY = 10
"""Levels that are followed: each is a query, and no hospital has more from a site to a bed."""

_UPWARDS = ("partof", "part-of", "parent")
"""The codes that R4 gives to references which make a strict hierarchy."""


def hierarchical(scope: Scope, parameter: Parameter) -> tuple[str, ...]:
    """Return the types that a reference may lead to and whose resources are part of each other."""
    if parameter.kind != "reference" or parameter.field.canonical:
        return ()
    return tuple(type_ for type_ in parameter.field.targets if _upwards(scope, type_) is not None)


def below(scope: Scope, type_: str, ids: Sequence[str]) -> Lookup:
    """Return what stands in a reference to one of some resources of a hierarchy, or to what is part of them."""
    themselves: Filter = {ID: {"$in": list(ids)}}
    link, found = _link(scope, type_), themselves
    for _ in range(DEEPEST_HIERARCHY):
        found = {"$or": [themselves, {link.field.path: referring(scope, type_, found)}]}
    return referring(scope, type_, found)


def above(scope: Scope, type_: str, ids: Sequence[str]) -> Lookup:
    """Return what stands in a reference to one of some resources of a hierarchy, or to what they are part of."""
    themselves: Filter = {ID: {"$in": list(ids)}}
    link, found = _link(scope, type_), themselves
    for _ in range(DEEPEST_HIERARCHY):
        found = {"$or": [themselves, {ID: referred(scope, type_, type_, link, found)}]}
    return referring(scope, type_, found)


def _link(scope: Scope, type_: str) -> Parameter:
    link = _upwards(scope, type_)
    assert link is not None, "only types that `hierarchical` names are asked for"
    return link


def _upwards(scope: Scope, type_: str) -> Parameter | None:
    """Return the parameter by which resources of a type tell what they are part of."""
    codes = scope.registry[type_]
    found = (codes[code] for code in _UPWARDS if code in codes)
    return next((one for one in found if one.source is None and type_ in one.field.targets), None)
