"""Is there a value, is there a resource: `:missing`, and which filters no deleted resource can match.

Spec: https://hl7.org/fhir/R4/search.html#missing
"""

from typing import Any

from fhir_server.kernel.fhir_time import EARLIEST
from fhir_server.kernel.layout import ID, INDEX
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.search.criteria.scope import Scope
from fhir_server.search.fields import LAST_UPDATED
from fhir_server.search.kinds.kind import bad_value
from fhir_server.search.registry import Parameter

EXISTS: Filter = {f"{INDEX}.{LAST_UPDATED}.low": {"$gte": EARLIEST}}
"""Every resource that is not deleted, by an index."""

LOGICAL_ID = "_id"
NOTHING: Filter = {ID: {"$in": []}}


def missing(scope: Scope, parameter: Parameter, value: str) -> Filter:
    """Return the filter of `:missing`, whose value is true or false."""
    if value not in ("true", "false"):
        raise bad_value(":missing is true or false")
    return absent(scope, parameter) if value == "true" else present(scope, parameter)


def present(scope: Scope, parameter: Parameter) -> Filter:
    """Return the filter that the resource has a value of the parameter."""
    return EXISTS if parameter.code == LOGICAL_ID else _present(scope, parameter)


def absent(scope: Scope, parameter: Parameter) -> Filter:
    """Return the filter that the resource has no value of the parameter."""
    return NOTHING if parameter.code == LOGICAL_ID else _negated(_present(scope, parameter))


def _present(scope: Scope, parameter: Parameter) -> Filter:
    if parameter.any_of:
        return {"$or": [_present(scope, scope.parameter(parameter.type, code)) for code in parameter.any_of]}
    if parameter.all_of:
        return {"$and": [_present(scope, part) for part in parameter.parts]}
    return {parameter.field.path: {"$exists": True}}


def _negated(present_: Filter) -> Filter:
    ((name, value),) = present_.items()
    match name:
        case "$or":
            return {"$and": [_negated(part) for part in value]}
        case "$and":
            return {"$or": [_negated(part) for part in value]}
    return {name: {"$exists": False}}


def is_positive(filter_: Filter) -> bool:
    """Tell whether a filter asks for an indexed value to be there, which no deleted resource has."""
    return any(_asks(name, value) for name, value in filter_.items())


def _asks(name: str, value: Any) -> bool:
    match name:
        case "$and":
            return any(is_positive(part) for part in value)
        case "$or":
            return all(is_positive(part) for part in value)
        case "$nor":
            return False
    return (name.startswith(f"{INDEX}.") and value != {"$exists": False}) or (isinstance(value, Lookup) and value.own)


def alive(*filters: Filter) -> Filter:
    """Return the filters together, and that the resource is not deleted where they do not imply it."""
    together = [one for one in filters if one]
    if not any(is_positive(one) for one in together):
        together.append(EXISTS)
    return together[0] if len(together) == 1 else {"$and": together}
