"""One search parameter and its value → a filter: modifiers, lists, chains and reverse chains.

Spec: https://hl7.org/fhir/R4/search.html#modifiers, https://hl7.org/fhir/R4/search.html#chaining
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.kernel.errors import Invalid, Issue, NotSupported, TooCostly
from fhir_server.kernel.fhir_time import EARLIEST
from fhir_server.kernel.ids import is_logical_id
from fhir_server.kernel.layout import ID, INDEX
from fhir_server.kernel.query import Filter, Lookup
from fhir_server.search.context import Context
from fhir_server.search.fields import LAST_UPDATED
from fhir_server.search.kinds import KINDS, composite
from fhir_server.search.kinds.kind import bad_value
from fhir_server.search.registry import Parameter, Registry
from fhir_server.search.syntax import split, unescape

MOST_ALTERNATIVES = 1_000
DEEPEST_CHAIN = 8
_MOST_TARGETS = 12
"""Types that a chain without type may lead to: a reference to anything needs to be told."""

EXISTS: Filter = {f"{INDEX}.{LAST_UPDATED}.low": {"$gte": EARLIEST}}
"""Every resource that is not deleted, by an index."""

_NOTHING: Filter = {ID: {"$in": []}}
_LOGICAL_ID = "_id"
_NEGATIONS = frozenset({"not", "not-in"})
_LIST = "_list"
_HAS = "_has"


class UnknownParameter(NotSupported):
    """The type has no such search parameter; lenient handling may ignore it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What criteria are read against; `depth` counts the steps of a chain so far."""

    registry: Registry
    context: Context
    depth: int = 0

    def parameter(self, type_: str, code: str) -> Parameter:
        """Return a parameter of a type; raise UnknownParameter when there is none."""
        found = self.registry[type_].get(code)
        if found is None:
            raise UnknownParameter(Issue("not-supported", f"{type_} has no search parameter {code[:60]!r}"))
        return found

    def deeper(self) -> "Scope":
        if self.depth >= DEEPEST_CHAIN:
            raise TooCostly(f"a chain may have {DEEPEST_CHAIN} steps")
        return replace(self, depth=self.depth + 1)


def criterion(scope: Scope, type_: str, name: str, value: str) -> Filter:
    """Return the filter that one parameter of a search means.

    Shape:  name as in the URL, with modifier and chain: "subject:Patient.name:exact"
    Errors: UnknownParameter; Invalid for a bad modifier, chain or value; all name the parameter
    """
    try:
        return _criterion(scope, type_, name, value)
    except Invalid as error:
        if scope.depth:
            raise
        shown = name[:100]
        raise type(error)(
            *(
                Issue(issue.code, f"{shown}: {issue.diagnostics}", issue.severity, expression=shown)
                for issue in error.issues
            )
        ) from None


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
    return name.startswith(f"{INDEX}.") and value != {"$exists": False}


def _criterion(scope: Scope, type_: str, name: str, value: str) -> Filter:
    if name.startswith(f"{_HAS}:"):
        return _reverse_chain(scope, type_, name, value)
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    if code == _LIST:
        return _in_list(scope, type_, value)
    parameter = scope.parameter(type_, code)
    if dot:
        return _chain(scope, parameter, modifier, rest, value)
    return plain(scope, parameter, modifier or None, value)


def plain(scope: Scope, parameter: Parameter, modifier: str | None, value: str) -> Filter:
    """Return the filter of a parameter without chain."""
    if modifier == "missing":
        return _missing(scope, parameter, value)
    _check_modifier(parameter, modifier)
    if "\0" in value:
        raise bad_value("a NUL character stands in no resource")
    texts = split(value, ",")
    if len(texts) > MOST_ALTERNATIVES:
        raise TooCostly(f"at most {MOST_ALTERNATIVES} alternatives")
    found = either([_one_value(scope, parameter, modifier, text) for text in texts if text])
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
    allowed = (
        {"not"} if parameter.code == _LOGICAL_ID else set() if parameter.parts else KINDS[parameter.kind].modifiers
    )
    if modifier not in allowed:
        known = ", ".join(sorted(allowed | {"missing"}))
        raise Invalid(Issue("not-supported", f"no modifier {modifier[:60]!r} here; there is {known}"))


def _one_value(scope: Scope, parameter: Parameter, modifier: str | None, text: str) -> Filter:
    if parameter.code == _LOGICAL_ID:
        id_ = unescape(text)
        return {ID: id_} if is_logical_id(id_) else _NOTHING
    if parameter.any_of:
        return either([_one_value(scope, part, modifier, text) for part in _named(scope, parameter, parameter.any_of)])
    if parameter.all_of:
        texts = split(text, "$")
        if len(texts) != len(parameter.parts):
            raise bad_value(f"a value needs {len(parameter.parts)} parts with $ between them")
        together = zip(parameter.parts, texts, strict=True)
        return {"$and": [_one_value(scope, part, None, part_text) for part, part_text in together]}
    if parameter.parts:
        parts = [(KINDS[part.kind], part.field) for part in parameter.parts]
        return composite.condition(text, parts, parameter.field, scope.context)
    return KINDS[parameter.kind].condition(text, modifier, parameter.field, scope.context)


def _named(scope: Scope, parameter: Parameter, codes: Sequence[str]) -> list[Parameter]:
    """Return the parameters that a parameter of the same type is made of."""
    return [scope.registry[parameter.type][code] for code in codes]


def _missing(scope: Scope, parameter: Parameter, value: str) -> Filter:
    if value not in ("true", "false"):
        raise bad_value(":missing is true or false")
    if parameter.code == _LOGICAL_ID:
        return EXISTS if value == "false" else _NOTHING
    present = _present(scope, parameter)
    return present if value == "false" else _absent(present)


def _present(scope: Scope, parameter: Parameter) -> Filter:
    if parameter.any_of:
        return {"$or": [_present(scope, part) for part in _named(scope, parameter, parameter.any_of)]}
    if parameter.all_of:
        return {"$and": [_present(scope, part) for part in parameter.parts]}
    return {parameter.field.path: {"$exists": True}}


def _absent(present: Filter) -> Filter:
    ((name, value),) = present.items()
    match name:
        case "$or":
            return {"$and": [_absent(part) for part in value]}
        case "$and":
            return {"$or": [_absent(part) for part in value]}
    return {name: {"$exists": False}}


def _chain(scope: Scope, parameter: Parameter, target: str, rest: str, value: str) -> Filter:
    """Return the filter "refers to one that matches the rest": for every type that the reference may be of."""
    if parameter.kind != "reference":
        raise Invalid(Issue("not-supported", f"{parameter.code} is no reference, so no chain can follow it"))
    targets = parameter.field.targets
    if target:
        if target not in targets:
            raise Invalid(Issue("not-supported", f"{parameter.code} does not refer to {target[:60]!r}"))
        targets = (target,)
    elif len(targets) > _MOST_TARGETS:
        raise Invalid(Issue("not-supported", f"say which type {parameter.code} is to refer to: {parameter.code}:Type"))
    inner = [(type_, _inner(scope, type_, rest, value)) for type_ in targets]
    steps = [
        {parameter.field.path: _referring(scope, type_, found)}
        for type_, found in inner
        if not isinstance(found, Invalid)
    ]
    if not steps:
        raise next(found for _, found in inner if isinstance(found, Invalid))
    return either(steps)


def _inner(scope: Scope, type_: str, rest: str, value: str) -> Filter | Invalid:
    """Return the filter behind a step of a chain, or why the type has no such parameter.

    An unknown parameter must not be ignored there: the step would then match everything.
    """
    try:
        return _criterion(scope.deeper(), type_, rest, value)
    except UnknownParameter as error:
        return Invalid(*error.issues)


def _referring(scope: Scope, type_: str, inner: Filter) -> Lookup:
    own = (f"{scope.context.base_url}/{type_}/",) if scope.context.base_url else ()
    return Lookup(type_, alive(inner), ID, prefixes=(f"{type_}/", *own))


def _reverse_chain(scope: Scope, type_: str, name: str, value: str) -> Filter:
    """Return the filter "is referred to by one that matches": "_has:Observation:patient:code"."""
    parts = name.split(":", 3)
    if len(parts) != 4 or not all(parts):
        raise Invalid(Issue("invalid", "write _has:Type:reference:parameter"))
    _, other, code, rest = parts
    if other not in scope.registry:
        raise Invalid(Issue("not-supported", f"{other[:60]!r} is no resource type"))
    link = scope.parameter(other, code)
    if link.kind != "reference" or type_ not in link.field.targets:
        raise Invalid(Issue("not-supported", f"{code} of {other} does not refer to {type_}"))
    inner = _inner(scope, other, rest, value)
    if isinstance(inner, Invalid):
        raise inner
    return {ID: _referred(scope, type_, other, link, inner)}


def _referred(scope: Scope, type_: str, other: str, link: Parameter, inner: Filter) -> Lookup:
    starts = (f"{type_}/", *((f"{scope.context.base_url}/{type_}/",) if scope.context.base_url else ()))
    return Lookup(other, alive(inner), link.field.path, starts=starts)


def _in_list(scope: Scope, type_: str, value: str) -> Filter:
    """Return the filter "is an item of the List": the standard's functional lists are not kept here."""
    if value.startswith("$"):
        raise NotSupported(Issue("not-supported", "functional lists are not kept here; use the id of a List"))
    return {ID: _referred(scope, type_, "List", scope.parameter("List", "item"), {ID: value})}


def alive(*filters: Filter) -> Filter:
    """Return the filters together, and that the resource is not deleted where they do not imply it."""
    together = [one for one in filters if one]
    if not any(is_positive(one) for one in together):
        together.append(EXISTS)
    return together[0] if len(together) == 1 else {"$and": together}
