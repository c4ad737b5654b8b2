"""reference: a link to another resource, or the identifier that stands for one.

Stored: the text of the link without version: "Patient/1", "http://other.org/Patient/1", "urn:uuid:…"; canonicals also
with it. The variants: "version" has the links that name a version, "identifier" the tokens of logical references.

Spec: https://hl7.org/fhir/R4/search.html#reference
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from conformance.paths import Typed
from conformance.reference_text import split_reference
from fhir_server.kernel.fhir_text import prefix_end
from fhir_server.kernel.ids import is_logical_id
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds import token
from fhir_server.search.kinds.kind import Kind, another, bad_value, between, one_of
from fhir_server.search.kinds.uri import forms
from fhir_server.search.syntax import unescape

_HISTORY = "/_history/"


def _links(values: Sequence[Typed], _zone: tzinfo) -> list[str]:
    if len(values) == 1:  # by far the commonest: one literal reference without version
        text = _literal(values[0])
        if text is not None and _HISTORY not in text:
            return [text]
    return list(dict.fromkeys(text.partition(_HISTORY)[0] for text in _texts(values)))


def _literal(typed: Typed) -> str | None:
    value, fhir_type = typed
    return value.get("reference") if fhir_type == "Reference" else None


def _texts(values: Sequence[Typed]) -> Iterator[str]:
    for value, fhir_type in values:
        match value:
            case {"reference": str(text)} if fhir_type == "Reference":
                yield text
            case {"url": str(text)} if fhir_type == "Attachment":
                yield text
            case {"resourceType": str(type_), "id": str(id_)}:
                yield f"{type_}/{id_}"
            case str():
                yield from forms(value, fhir_type)


def _versioned(values: Sequence[Typed], _zone: tzinfo) -> Sequence[str]:
    if len(values) == 1 and _HISTORY not in (_literal(values[0]) or ""):
        return ()
    links = [value.get("reference") for value, fhir_type in values if fhir_type == "Reference"]
    return [link for link in links if link is not None and _HISTORY in link]


def _identifiers(values: Sequence[Typed], zone: tzinfo) -> Sequence[Any]:
    if len(values) == 1 and "identifier" not in values[0][0]:
        return ()
    logical = [
        (value["identifier"], "Identifier")
        for value, fhir_type in values
        if fhir_type == "Reference" and "identifier" in value
    ]
    return token.KIND.extract[""](logical, zone) if logical else ()


def _condition(text: str, modifier: str | None, where: Field, context: Context) -> Filter:
    if modifier == "identifier":
        return token.KIND.condition(text, None, where.variant("identifier"), context)
    value = unescape(text)
    if modifier == "below":
        return _in_version(value, where)
    if is_logical_id(value):
        types = where.targets if modifier is None else (modifier,)
        return one_of(where, [form for type_ in types for form in spellings(f"{type_}/{value}", context.base_url)])
    link = split_reference(value)
    if modifier is not None and (link is None or link.type != modifier):
        raise bad_value(f"not a reference to a {modifier}")
    if not value:
        raise bad_value("a reference is an id, Type/id or a URL")
    if link is not None:
        return one_of(where if link.version is None else where.variant("version"), spellings(value, context.base_url))
    return one_of(where, [value])


def _in_version(canonical: str, where: Field) -> Filter:
    """Return the filter of references to a canonical URL in any version, or in "|1" and what refines it, as "|1.2"."""
    if "|" not in canonical:
        return one_of(where, [canonical])
    finer = canonical + "."
    return {"$or": [one_of(where, [canonical]), between(where, finer, prefix_end(finer))]}


def spellings(link: str, base_url: str) -> list[str]:
    """Return the texts that mean the same resource: on this server, a link may be relative or absolute."""
    own = base_url + "/"
    relative = link.removeprefix(own)
    return [link] if "://" in relative or not base_url else [relative, own + relative]


def _refers(text: str, where: Field, context: Context) -> Filter:
    return _condition(text, None, where, context)


def _refers_elsewhere(text: str, where: Field, context: Context) -> Filter:
    ((path, _),) = (equal := _refers(text, where, context)).items()
    return another(replace(where, path=path), equal)


KIND = Kind(
    extract={"": _links, "version": _versioned, "identifier": _identifiers},
    condition=_condition,
    modifiers=frozenset({"identifier", "above", "below"}),
    comparisons={"eq": _refers, "re": _refers, "ne": _refers_elsewhere},
)
