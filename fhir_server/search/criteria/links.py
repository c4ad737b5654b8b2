"""Lookups along references: what refers to a resource that is looked for, and what one refers to.

Spec: https://hl7.org/fhir/R4/search.html#chaining, https://hl7.org/fhir/R4/search.html#has
"""

from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.search.criteria.presence import alive
from fhir_server.search.criteria.scope import Scope
from fhir_server.search.registry import Parameter


def referring(scope: Scope, type_: str, inner: Filter) -> Lookup:
    """Return what stands in a reference to one of the resources of a type that match `inner`."""
    own = (f"{scope.context.base_url}/{type_}/",) if scope.context.base_url else ()
    return Lookup(type_, alive(inner), ID, prefixes=(f"{type_}/", *own))


def referred(scope: Scope, type_: str, other: str, link: Parameter, inner: Filter) -> Lookup:
    """Return the ids of what resources of the `other` type that match `inner` refer to by `link`."""
    starts = (f"{type_}/", *((f"{scope.context.base_url}/{type_}/",) if scope.context.base_url else ()))
    return Lookup(other, alive(inner), link.field.path, starts=starts)
