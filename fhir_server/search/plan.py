"""Which order an unsorted search gets: that of the index which serves it, so that its pages cost what they hold.

Spec: https://hl7.org/fhir/R4/search.html#sort (without _sort the server chooses)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fhir_server.kernel.query import Filter, SortKey
from fhir_server.search.fields import Curated, of_type, several, sort_key
from fhir_server.search.kinds.quantity import ordered_by
from fhir_server.search.kinds.token import are_alike
from fhir_server.search.registry import Parameter

_FEW = 8
"""Values of one equality up to which MongoDB merges as many index ranges in order (it stops at 200 in all)."""


def natural_order(type_: str, filters: Sequence[Filter], parameters: Mapping[str, Parameter]) -> SortKey | None:
    """Return the key in whose order an index gives the hits of all filters; None when ids are to decide.

    Of several indexes the one counts that decides most: by its equalities, then by the range that it orders.
    """
    equal, compared = _conditions(filters)
    found = [
        (len(index.equals), key.path.rpartition(".")[0] in compared, key)
        for index in of_type(type_).indexes
        if all(parameters[code].field.path in equal for code in index.equals)
        if (key := _order(index, compared, parameters)) is not None
    ]
    best = max(found, key=lambda rated: rated[:2], default=None)
    return best[2] if best is not None and (best[0] or best[1]) else None


def assured(key: SortKey, filters: Sequence[Filter]) -> SortKey:
    """Return the key, marked when the filters let through only documents that have its value."""
    if key.always or key.path.rpartition(".")[0] not in _conditions(filters)[1]:
        return key
    return replace(key, always=True)


def overlap(type_: str, filter_: Filter, parameters: Mapping[str, Parameter]) -> str | None:
    """Return the path that all resources have which may satisfy two values of a filter's one $in.

    None when the filter is another one, or no index has that path.
    """
    match list(filter_.items()):
        case [(path, {"$in": list(values)})] if are_alike(values):
            codes = of_type(type_).own - of_type(type_).single
            fields = (parameters[code].field for code in codes if parameters[code].kind == "token")
            return next((several(one) for one in fields if one.path == path), None)
    return None


def _order(index: Curated, compared: Collection[str], parameters: Mapping[str, Parameter]) -> SortKey | None:
    if index.ordered is None:
        return None
    parameter = parameters[index.ordered]
    key = sort_key(parameter.field, parameter.kind, descending=index.descending)
    if parameter.kind != "quantity":
        return key
    part = ordered_by(parameter.field, compared)
    return None if part is None else replace(key, path=part, always=True)


def _conditions(filters: Sequence[Filter]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the paths with an equality to few values, and the fields on which every hit satisfies another condition.

    The members of an interval or quantity ("index.date.low") count as the field that they are of.
    """
    equal: set[str] = set()
    compared: set[str] = set()
    for one in filters:
        for path, condition in one.items():
            if path == "$and":
                more, others = _conditions(condition)
                equal |= more
                compared |= others
            elif path == "$or":
                compared |= frozenset.intersection(*(_conditions([part])[1] for part in condition))
            elif isinstance(condition, str) or (isinstance(condition, Mapping) and _is_few(condition)):
                equal.add(path)
            elif not path.startswith("$") and condition != {"$exists": False}:
                compared |= {path, path.rpartition(".")[0]}
    return frozenset(equal), frozenset(compared)


def _is_few(condition: Mapping[str, Any]) -> bool:
    values = condition.get("$in")
    return isinstance(values, list) and len(values) <= _FEW
