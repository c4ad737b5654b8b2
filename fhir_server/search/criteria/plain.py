"""A parameter without chain: its modifier, its alternatives, and what each of them asks of the stored values.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Sequence
from typing import Any

from conformance.reference_text import split_reference
from fhir_server.kernel.errors import Invalid, Issue, TooCostly
from fhir_server.kernel.ids import is_logical_id
from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Filter
from fhir_server.search.criteria.presence import LOGICAL_ID, NOTHING, missing
from fhir_server.search.criteria.scope import Scope
from fhir_server.search.kinds import KINDS, composite
from fhir_server.search.kinds.kind import bad_value
from fhir_server.search.registry import Parameter
from fhir_server.search.syntax import split, unescape

MOST_ALTERNATIVES = 1_000
_NEGATIONS = frozenset({"not", "not-in"})


def plain(scope: Scope, parameter: Parameter, modifier: str | None, value: str) -> Filter:
    """Return the filter of a parameter without chain."""
    if modifier == "missing":
        return missing(scope, parameter, value)
    _check_modifier(parameter, modifier)
    if "\0" in value:
        raise bad_value("a NUL character stands in no resource")
    texts = split(value, ",")
    if len(texts) > MOST_ALTERNATIVES:
        raise TooCostly(f"at most {MOST_ALTERNATIVES} alternatives")
    found = either([one_value(scope, parameter, modifier, text) for text in texts if text])
    return {"$nor": [found]} if modifier in _NEGATIONS else found


def either(filters: Sequence[Filter]) -> Filter:
    """Return the filter that one of some filters holds; equalities on one field become one $in, for an index."""
    if not filters:
        raise bad_value("the value is empty")
    if len(filters) == 1:
        return filters[0]
    paths = {path for one in filters for path in one}
    values = [_equalities(value) for one in filters for value in one.values()]
    if len(paths) == 1 and all(value is not None for value in values) and not next(iter(paths)).startswith("$"):
        return {paths.pop(): {"$in": list(dict.fromkeys(text for value in values for text in value or ()))}}
    return {"$or": list(filters)}


def _equalities(value: Any) -> Sequence[str] | None:
    match value:
        case str():
            return (value,)
        case {"$in": list(values)}:
            return values
    return None


def _check_modifier(parameter: Parameter, modifier: str | None) -> None:
    if modifier is None:
        return
    if parameter.kind == "reference" and modifier in parameter.field.targets:
        return
    allowed = {"not"} if parameter.code == LOGICAL_ID else set() if parameter.parts else KINDS[parameter.kind].modifiers
    if modifier not in allowed:
        known = ", ".join(sorted(allowed | {"missing"}))
        raise Invalid(Issue("not-supported", f"no modifier {modifier[:60]!r} here; there is {known}"))


def one_value(scope: Scope, parameter: Parameter, modifier: str | None, text: str) -> Filter:
    """Return the filter of one alternative, still escaped."""
    if parameter.code == LOGICAL_ID:
        id_ = unescape(text)
        return {ID: id_} if is_logical_id(id_) else NOTHING
    if parameter.any_of:
        made_of = (scope.parameter(parameter.type, code) for code in parameter.any_of)
        return either([one_value(scope, part, modifier, text) for part in made_of])
    if parameter.all_of:
        texts = split(text, "$")
        if len(texts) != len(parameter.parts):
            raise bad_value(f"a value needs {len(parameter.parts)} parts with $ between them")
        together = zip(parameter.parts, texts, strict=True)
        return {"$and": [one_value(scope, part, None, part_text) for part, part_text in together]}
    if parameter.parts:
        parts = [(KINDS[part.kind], part.field) for part in parameter.parts]
        return composite.condition(text, parts, parameter.field, scope.context)
    if parameter.kind == "reference":
        parameter = _narrower(scope, parameter, modifier, text)
    return KINDS[parameter.kind].condition(text, modifier, parameter.field, scope.context)


def _narrower(scope: Scope, parameter: Parameter, modifier: str | None, text: str) -> Parameter:
    """Return the parameter of the type that a reference names, by modifier or by itself."""
    if modifier is not None:
        return scope.leading_to(modifier, parameter)
    link = split_reference(unescape(text))
    if link is None or link.version is not None or link.base not in (None, scope.context.base_url):
        return parameter
    return scope.leading_to(link.type, parameter)
