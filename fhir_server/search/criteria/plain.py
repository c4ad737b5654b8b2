"""A parameter without chain: its modifier, its alternatives, and what each of them asks of the stored values.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Callable, Sequence
from typing import Any

from conformance.reference_text import split_reference
from fhir_server.kernel.errors import Invalid, Issue, TooCostly
from fhir_server.kernel.ids import is_logical_id
from fhir_server.kernel.layout import ID
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.search.criteria.hierarchies import above, below, hierarchical
from fhir_server.search.criteria.presence import LOGICAL_ID, NOTHING, missing
from fhir_server.search.criteria.scope import Scope
from fhir_server.search.kinds import KINDS, composite
from fhir_server.search.kinds.kind import bad_value
from fhir_server.search.registry import Parameter, canonical_url
from fhir_server.search.syntax import split, unescape

MOST_ALTERNATIVES = 1_000
_MOST_NAMED = 12
"""Types of references that a refusal names: beyond, nearly any will do."""

_WAYS = {"above": above, "below": below}
_NEGATIONS = frozenset({"not", "not-in"})


def plain(scope: Scope, parameter: Parameter, modifier: str | None, value: str) -> Filter:
    """Return the filter of a parameter without chain."""
    if modifier == "missing":
        return missing(scope, parameter, value)
    _check_modifier(scope, parameter, modifier)
    if "\0" in value:
        raise bad_value("a NUL character stands in no resource")
    texts = split(value, ",")
    if len(texts) > MOST_ALTERNATIVES:
        raise TooCostly(f"at most {MOST_ALTERNATIVES} alternatives")
    if modifier in _WAYS and (types := hierarchical(scope, parameter)):
        return _related(scope, parameter, types, _WAYS[modifier], [text for text in texts if text])
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


def _check_modifier(scope: Scope, parameter: Parameter, modifier: str | None) -> None:
    if modifier is None:
        return
    if parameter.kind == "reference" and modifier in parameter.field.targets:
        return
    allowed = _modifiers(scope, parameter)
    if modifier not in allowed:
        types = parameter.field.targets if len(parameter.field.targets) <= _MOST_NAMED else ()
        known = ", ".join([*sorted(allowed | {"missing"}), *types])
        raise Invalid(Issue("not-supported", f"no modifier {modifier[:60]!r} here; there is {known}"))


def _modifiers(scope: Scope, parameter: Parameter) -> frozenset[str]:
    if parameter.code == LOGICAL_ID:
        return frozenset({"not"})
    if parameter.parts:
        return frozenset()
    of_kind = KINDS[parameter.kind].modifiers
    if parameter.kind != "reference" or hierarchical(scope, parameter):
        return of_kind
    return of_kind - ({"above"} if parameter.field.canonical else _WAYS.keys())


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
        if len(texts) != len(parameter.parts) or not all(texts):
            raise bad_value(f"a value needs {len(parameter.parts)} parts with $ between them")
        together = zip(parameter.parts, texts, strict=True)
        return {"$and": [one_value(scope, part, None, part_text) for part, part_text in together]}
    if parameter.parts:
        parts = [(KINDS[part.kind], part.field) for part in parameter.parts]
        return composite.condition(text, parts, parameter.field, scope.context)
    if parameter.kind == "uri" and modifier is None and "|" in text:
        return _in_version(scope, parameter, text)
    if parameter.kind == "reference":
        parameter = _narrower(scope, parameter, modifier, text)
    return KINDS[parameter.kind].condition(text, modifier, parameter.field, scope.context)


def _in_version(scope: Scope, parameter: Parameter, text: str) -> Filter:
    """Return the filter of a URI that may have a version behind it, where it is that of the resource itself."""
    url, *version = split(text, "|")
    if len(version) != 1 or parameter.field != canonical_url(scope.registry, parameter.type):
        return KINDS[parameter.kind].condition(text, None, parameter.field, scope.context)
    told = scope.parameter(parameter.type, "version")
    return {"$and": [one_value(scope, parameter, None, url), one_value(scope, told, None, version[0])]}


def _related(
    scope: Scope,
    parameter: Parameter,
    types: Sequence[str],
    related: Callable[[Scope, str, Sequence[str]], Lookup],
    texts: Sequence[str],
) -> Filter:
    """Return the filter of a reference to one of some resources, or to one above or below them in a hierarchy."""
    ids: dict[str, list[str]] = {}
    for text in texts:
        type_, id_ = _in_hierarchy(scope, types, unescape(text))
        ids.setdefault(type_, []).append(id_)
    kind = KINDS[parameter.kind]
    direct = [
        kind.condition(f"{type_}/{id_}", type_, parameter.field, scope.context)
        for type_, of_type in ids.items()
        for id_ in of_type
    ]
    return either(
        [either(direct), *({parameter.field.path: related(scope, type_, of_type)} for type_, of_type in ids.items())]
    )


def _in_hierarchy(scope: Scope, types: Sequence[str], value: str) -> tuple[str, str]:
    """Return the type and id that the value of :above or :below names."""
    link = split_reference(value)
    if link is None and is_logical_id(value) and len(types) == 1:
        return types[0], value
    if link is None or link.type not in types or link.version is not None:
        raise bad_value(f"the value is Type/id, of one of the types that have hierarchies here: {', '.join(types)}")
    if link.base not in (None, scope.context.base_url):
        raise bad_value("the hierarchies of other servers are not known here")
    return link.type, link.id


def _narrower(scope: Scope, parameter: Parameter, modifier: str | None, text: str) -> Parameter:
    """Return the parameter of the type that a reference names, by modifier or by itself."""
    if modifier is not None:
        return scope.leading_to(modifier, parameter)
    link = split_reference(unescape(text))
    if link is None or link.version is not None or link.base not in (None, scope.context.base_url):
        return parameter
    return scope.leading_to(link.type, parameter)
