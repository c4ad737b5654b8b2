"""One SearchParameter resource → the parameters that it defines, or why it cannot define any.

Spec: https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/search.html#ptypes
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from conformance.definitions import Component, Definitions, SearchKind, SearchParameter
from conformance.fhirpath import FhirPathError
from conformance.paths import PathError, compile_composite, selected_types
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.types import Resource
from fhir_server.search.registry import Parameter, Registry, placed

LONGEST_EXPRESSION = 4_096
MOST_ROUTES = 500
"""Ways through a resource that one parameter may follow, each at every write."""

MOST_OF_A_TYPE = 100
"""Parameters of users that one type may have. So many make a Patient's index 0.2 ms slower at every write; on all types
of resources, they take every process 2.5 s to understand whenever one of them is altered (one core)."""

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_TEXTS = frozenset({"string", "markdown", "code", "id", "uri", "url", "canonical", "oid", "uuid"})
_URIS = frozenset({"uri", "url", "canonical", "oid", "uuid"})

ACCEPTED: Mapping[SearchKind, frozenset[str]] = {
    "number": frozenset({"decimal", "integer", "positiveInt", "unsignedInt", "Range"}),
    "date": frozenset({"date", "dateTime", "instant", "Period", "Timing"}),
    "string": _TEXTS | {"HumanName", "Address"},
    "token": (_TEXTS - {"markdown"}) | {"boolean", "Coding", "CodeableConcept", "Identifier", "ContactPoint"},
    "reference": frozenset({"Reference", "canonical", "uri", "Attachment", "Resource"}),
    "quantity": frozenset({"Quantity", "Money", "Range", "SampledData"}),
    "uri": _URIS,
}
"""The types of values that each kind of parameter can be made of; Age, Count and the like are quantities too."""


class Unusable(Invalid):
    """The resource is valid, but cannot become a search parameter here."""

    status, code = 422, "business-rule"


def is_asked_for(resource: Resource, definitions: Definitions) -> bool:
    """Tell whether a resource is to be a parameter: an active SearchParameter that does not repeat one of R4's own.

    R4's own work anyway; a copy of them, and what an implementation guide derives from them under the same name, is a
    resource like any other.
    """
    if resource.get("resourceType") != "SearchParameter" or resource.get("status") != "active":
        return False
    own = {one.url: one.code for codes in definitions.search_parameters.values() for one in codes.values()}
    return resource["url"] not in own and own.get(resource.get("derivedFrom", "")) != resource["code"]


def defined(resource: Resource, registry: Registry, definitions: Definitions) -> Mapping[str, Parameter]:
    """Return the parameters that a valid SearchParameter defines, by resource type.

    Shape:  `registry` are all others that are in force; {"Patient": Parameter(code="nickname", …)}
    Errors: Unusable with an issue for every reason, each naming its place
    """
    types = list(_types(resource["base"], definitions))
    issues = list(_form_issues(resource)) or [
        *_clashes(resource, types, registry),
        *_crowded(resource, types, registry),
    ]
    if issues:
        raise Unusable(*issues)
    make = _composite if resource["type"] == "composite" else _plain
    return {type_: make(resource, type_, registry, definitions) for type_ in types}


def reference(resource: Resource) -> str:
    """Return the reference to a SearchParameter by which its parameters remember where they are from."""
    return f"SearchParameter/{resource.get('id', '')}"


def _types(bases: Sequence[str], definitions: Definitions) -> Iterator[str]:
    """Yield the concrete types behind the bases, each once."""
    for type_ in sorted(definitions.resource_types):
        if any(definitions.is_a(type_, base) for base in bases):
            yield type_


def _form_issues(resource: Resource) -> Iterator[Issue]:
    if not _CODE.fullmatch(resource["code"]):
        yield _issue("code", "the name must be a letter, then at most 63 letters, digits, - or _")
    if resource["type"] == "special":
        yield _issue("type", "what a special parameter means is known to its server alone; this one has no others")
    expression = resource.get("expression")
    if expression is None:
        yield _issue("expression", "without an expression nothing can be found", code="required")
    elif len(expression) > LONGEST_EXPRESSION:
        yield _issue("expression", f"longer than {LONGEST_EXPRESSION} characters", code="too-long")
    if resource["type"] == "composite" and len(resource.get("component", ())) < 2:
        yield _issue("component", "a composite has at least two components", code="required")


def _clashes(resource: Resource, types: Sequence[str], registry: Registry) -> Iterator[Issue]:
    """Yield why the name or the address cannot be taken; what the resource itself defined before is no obstacle."""
    code, url, own = resource["code"], resource["url"], reference(resource)
    for type_ in types:
        there = registry[type_].get(code)
        if there is not None and there.source != own:
            by = there.source or "a parameter of R4 itself, which cannot be replaced"
            yield _issue("code", f"{code} is a search parameter of {type_} already: {by}", code="duplicate")
            return
        same = next((one for one in registry[type_].values() if one.definition.url == url and one.source != own), None)
        if same is not None:
            yield _issue("url", f"{same.source} has the same url and is in force", code="duplicate")
            return


def _crowded(resource: Resource, types: Sequence[str], registry: Registry) -> Iterator[Issue]:
    """Yield that a type has no room for another parameter; one that is replaced makes room for what replaces it."""
    own = reference(resource)
    for type_ in types:
        count = sum(one.source not in (None, own) for one in registry[type_].values())
        if count >= MOST_OF_A_TYPE:
            why = f"{type_} has {count} search parameters of users already, and may have {MOST_OF_A_TYPE}: retire one"
            yield _issue("base", why, code="too-costly")
            return


def _plain(resource: Resource, type_: str, _registry: Registry, definitions: Definitions) -> Parameter:
    kind: SearchKind = resource["type"]
    accepted = _accepted(kind, definitions)
    found = _selected(resource["expression"], type_, definitions)
    if not accepted.intersection(found):
        what = ", ".join(sorted(set(found))[:5])
        raise Unusable(_issue("expression", f"a {kind} parameter cannot be made of what it selects: {what}"))
    row = _row(resource, type_)
    return placed(row, definitions, name=_stored_name(row, resource), source=reference(resource), types=accepted)


def _composite(resource: Resource, type_: str, registry: Registry, definitions: Definitions) -> Parameter:
    by_url = {one.definition.url: one for one in registry[type_].values() if one.kind not in ("composite", "special")}
    row = _row(resource, type_)
    parts = []
    for number, component in enumerate(row.components):
        part = by_url.get(component.definition.partition("|")[0])
        if part is None or not part.is_stored:
            why = f"no search parameter of {type_} that a composite can have has this url"
            raise Unusable(_issue(f"component[{number}].definition", why, code="not-found"))
        parts.append(part)
    contexts = dict.fromkeys(_selected(row.expression or "", type_, definitions))
    for number, (component, part) in enumerate(zip(row.components, parts, strict=True)):
        _check_component(component, part, list(contexts), number, definitions)
    try:
        compile_composite(row.expression or "", [one.expression for one in row.components], type_, definitions)
    except (FhirPathError, PathError) as error:
        raise Unusable(_issue("expression", str(error))) from None
    name = _stored_name(row, resource, *(part.field.code for part in parts))
    return placed(row, definitions, name=name, source=reference(resource), parts=tuple(parts))


def _check_component(
    component: Component, part: Parameter, contexts: Sequence[str], number: int, definitions: Definitions
) -> None:
    """Raise Unusable unless the component selects, in each context, only what its kind can be made of."""
    place = f"component[{number}].expression"
    accepted = _accepted(part.kind, definitions)
    for context in contexts:
        found = _selected(component.expression, context, definitions, place)
        if foreign := sorted(set(found) - accepted):
            raise Unusable(_issue(place, f"a {part.kind} cannot be made of {foreign[0]}: say ofType()"))


def _selected(expression: str, context: str, definitions: Definitions, place: str = "expression") -> list[str]:
    """Return the types of what an expression selects; there must be something, and not too much."""
    try:
        found = selected_types(expression, context, definitions)
    except (FhirPathError, PathError) as error:
        raise Unusable(_issue(place, f"{context}: {error}")) from None
    if not found:
        raise Unusable(_issue(place, f"no part of the expression selects anything of {context}"))
    if len(found) > MOST_ROUTES:
        raise Unusable(_issue(place, "it leads to too many places: say of which type a value is to be"))
    return found


def _accepted(kind: SearchKind, definitions: Definitions) -> frozenset[str]:
    if kind != "quantity":
        return ACCEPTED[kind]
    return ACCEPTED[kind] | {name for name in definitions.types if definitions.is_a(name, "Quantity")}


def _row(resource: Resource, type_: str) -> SearchParameter:
    return SearchParameter(
        code=resource["code"],
        name=resource.get("id", ""),
        url=resource["url"],
        type=resource["type"],
        base=type_,
        expression=resource["expression"],
        targets=tuple(resource.get("target", ())),
        components=tuple(
            Component(component["definition"], component["expression"]) for component in resource.get("component", ())
        ),
    )


def _stored_name(row: SearchParameter, resource: Resource, *parts: str) -> str:
    """Return the name under which the values are stored: another meaning is another name.

    So values that an earlier form of the parameter left behind are never taken for its own. No code has a tilde.
    """
    meaning = [reference(resource), row.base, row.type, row.expression, *map(repr, row.components), *parts]
    digest = sha256("\n".join(map(str, meaning)).encode()).hexdigest()
    return f"{row.code}~{digest[:10]}"


def _issue(place: str, why: str, *, code: str = "business-rule") -> Issue:
    return Issue(code, why, expression=f"SearchParameter.{place}")
