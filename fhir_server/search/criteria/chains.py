"""Chains and reverse chains: filters on what a resource refers to, and on what refers to it.

Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from fhir_server.kernel.errors import Invalid, Issue, NotSupported
from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.search.criteria.inside import containers, put_inside
from fhir_server.search.criteria.links import referred, referring
from fhir_server.search.criteria.plain import either, plain
from fhir_server.search.criteria.presence import alive
from fhir_server.search.criteria.scope import Scope, UnknownParameter
from fhir_server.search.registry import Parameter, canonical_url
from fhir_server.search.syntax import split

_MOST_TARGETS = 12
"""Types that a chain without type may lead to: a reference to anything needs to be told."""

Inner: TypeAlias = Callable[[Scope, str], Filter]
"""Gives the filter behind a step of a chain, for the type that the step leads to."""


def chain(scope: Scope, parameter: Parameter, target: str, inner: Inner) -> Filter:
    """Return the filter "refers to one that matches `inner`": for every type that the reference may be of.

    What the reference leads to is stored by itself, or inside of the same resource.
    """
    if parameter.kind != "reference":
        raise Invalid(Issue("not-supported", f"{parameter.code} is no reference, so no chain can follow it"))
    targets = parameter.field.targets
    if target:
        if target not in targets:
            raise Invalid(Issue("not-supported", f"{parameter.code} does not refer to {target[:60]!r}"))
        targets = (target,)
    elif len(targets) > _MOST_TARGETS:
        raise Invalid(Issue("not-supported", f"say which type {parameter.code} is to refer to: {parameter.code}:Type"))
    found = [(type_, _inner(scope, type_, inner)) for type_ in targets]
    steps: list[Filter] = []
    inside: list[Filter] = []
    for type_, one in found:
        if not isinstance(one, Invalid):
            steps += _steps(scope, parameter, type_, one)
            inside += put_inside(type_, scope.leading_inside(type_, parameter).field.path, one)
    if not steps:
        raise next(one for _, one in found if isinstance(one, Invalid))
    return either([*steps, *containers(parameter.type, inside)])


def reverse_chain(scope: Scope, type_: str, other: str, code: str, inner: Inner) -> Filter:
    """Return the filter "is referred to, by `code`, by a resource of the `other` type that matches `inner`"."""
    if other not in scope.registry:
        raise Invalid(Issue("not-supported", f"{other[:60]!r} is no resource type"))
    link = scope.parameter(other, code)
    if link.kind != "reference" or type_ not in link.field.targets:
        raise Invalid(Issue("not-supported", f"{code} of {other} does not refer to {type_}"))
    found = _inner(scope, other, inner)
    if isinstance(found, Invalid):
        raise found
    by_address = {ID: referred(scope, type_, other, scope.leading_to(type_, link), found)}
    url = canonical_url(scope.registry, type_)
    if url is None or not link.field.canonical:
        return by_address
    return either([by_address, {url.path: Lookup(other, alive(found), link.field.path)}])


def in_list(scope: Scope, type_: str, value: str) -> Filter:
    """Return the filter "is an item of one of the Lists": the standard's functional lists are not kept here."""
    ids = [text.removeprefix("List/") for text in split(value, ",")]
    if any(id_.startswith("$") for id_ in ids):
        raise NotSupported(Issue("not-supported", "functional lists are not kept here; use the id of a List"))
    lists = plain(scope, scope.parameter("List", "_id"), None, ",".join(ids))
    return {ID: referred(scope, type_, "List", scope.parameter("List", "item"), lists)}


def _inner(scope: Scope, type_: str, inner: Inner) -> Filter | Invalid:
    """Return the filter behind a step of a chain, or why the type has no such parameter.

    An unknown parameter must not be ignored there: the step would then match everything.
    """
    try:
        return inner(scope.deeper(), type_)
    except UnknownParameter as error:
        return Invalid(*error.issues)


def _steps(scope: Scope, parameter: Parameter, type_: str, inner: Filter) -> Iterator[Filter]:
    """Yield what the reference to a resource that matches `inner` may look like: its address, or its canonical URL.

    A canonical with version is stored without it as well, so it leads to every version of its target.
    """
    yield {scope.leading_to(type_, parameter).field.path: referring(scope, type_, inner)}
    url = canonical_url(scope.registry, type_)
    if url is not None and parameter.field.canonical:
        yield {parameter.field.path: Lookup(type_, alive(inner), url.path)}
