"""token: a code, alone or in its system.

Stored: for each code "system|code" ("|code" without system) and, behind a blank, " code" alone: no system begins with
a blank. Values of simple types have the latter only; their systems are implied. The variants: "text" has what people
read (folded), "of-type" has "system|code|value" of typed identifiers.

Codes are compared as they are, but in systems whose codes have no case: those are stored in lower case, and their bare
form behind a tilde, so that they alone answer a search for a code in another case.

Spec: https://hl7.org/fhir/R4/search.html#token
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from functools import lru_cache
from typing import Any, TypeAlias

from conformance.paths import Typed
from fhir_server.kernel.errors import Issue, NotSupported
from fhir_server.kernel.fhir_text import fold, prefix_end
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds.kind import Comparison, Kind, bad_value, between, one_of
from fhir_server.search.kinds.string import starts_with
from fhir_server.search.syntax import split, unescape

CASELESS = frozenset({"http://loinc.org", "urn:ietf:bcp:47", "urn:ietf:bcp:13"})
"""Systems that say of themselves that case does not matter."""

BOOLEANS = "http://terminology.hl7.org/CodeSystem/special-values"

_Atoms: TypeAlias = Callable[[Any], list[str]]


def _tokens(values: Sequence[Typed], _zone: tzinfo) -> list[str]:
    if len(values) == 1:
        value, fhir_type = values[0]
        return _ATOMS.get(fhir_type, _nothing)(value)
    return list(dict.fromkeys(atom for value, fhir_type in values for atom in _ATOMS.get(fhir_type, _nothing)(value)))


def _pair(system: str | None, code: str | None) -> list[str]:
    if system is None:
        return [] if code is None else [f"|{code}", f" {code}"]
    if "|" in system:
        system = system.replace("|", "%7C")
    if code is None:
        return [f"{system}|"]
    if system in CASELESS and (lower := code.lower()) != code.upper():
        return [f"{system}|{lower}", f"~{lower}"]
    return [f"{system}|{code}", f" {code}"]


_coded = lru_cache(maxsize=16_384)(_pair)
"""The atoms of a code: few codes make up most of what is stored. Nobody changes the lists."""


def _coding(value: Any) -> list[str]:
    return _coded(value.get("system"), value.get("code"))


def _concept(value: Any) -> list[str]:
    codings = value.get("coding")
    if not codings:
        return []
    if len(codings) == 1:
        return _coding(codings[0])
    return list(dict.fromkeys(atom for coding in codings for atom in _coding(coding)))


def _identifier(value: Any) -> list[str]:
    return _pair(value.get("system"), value.get("value"))


def _contact(value: Any) -> list[str]:
    """A telephone number or address has no system; nobody minds the case of an e-mail address."""
    text = value.get("value")
    if text is None:
        return []
    lower = text.lower()
    return [f"|{lower}", f" {lower}" if lower == text.upper() else f"~{lower}"]


def _simple(value: Any) -> list[str]:
    return [f" {value}"]


def _text(value: Any) -> list[str]:
    lower = value.lower()
    return [f" {value}" if lower == value.upper() else f"~{lower}"]


def _boolean(value: Any) -> list[str]:
    return [" true"] if value else [" false"]


def _nothing(_value: Any) -> list[str]:
    return []


_ATOMS: Mapping[str, _Atoms] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
    "ContactPoint": _contact,
    "boolean": _boolean,
    "code": _simple,
    "id": _simple,
    "string": _text,
    "uri": _simple,
    "canonical": _simple,
    "url": _simple,
    "oid": _simple,
    "uuid": _simple,
}


def _texts(values: Sequence[Typed], _zone: tzinfo) -> Sequence[str]:
    if len(values) == 1 and values[0][1] not in _READ_BY_PEOPLE:
        return ()
    found: list[str] = []
    for value, fhir_type in values:
        if read := _READ_BY_PEOPLE.get(fhir_type):
            found += read(value)
    return list(dict.fromkeys(map(fold, found)))


def _concept_texts(value: Any) -> list[str]:
    found = [coding["display"] for coding in value.get("coding", ()) if "display" in coding]
    return [value["text"], *found] if "text" in value else found


_READ_BY_PEOPLE: Mapping[str, _Atoms] = {
    "CodeableConcept": _concept_texts,
    "Coding": lambda value: [value["display"]] if "display" in value else [],
    "Identifier": lambda value: [value["type"]["text"]] if "text" in value.get("type", ()) else [],
    "string": lambda value: [value],
}


def are_alike(values: Sequence[Any]) -> bool:
    """Tell whether stored forms are all of codes alone, or all of codes in systems: no code has two of them."""
    return len({str(value)[:1] in (" ", "~") for value in values}) == 1


def _typed_identifiers(values: Sequence[Typed], _zone: tzinfo) -> Sequence[str]:
    if len(values) == 1 and values[0][1] != "Identifier":
        return ()
    typed = [value for value, fhir_type in values if fhir_type == "Identifier" and "type" in value and "value" in value]
    return [
        f"{_pair(coding.get('system'), coding['code'])[0]}|{value['value']}"
        for value in typed
        for coding in value["type"].get("coding", ())
        if "code" in coding
    ]


def _condition(text: str, modifier: str | None, where: Field, context: Context) -> Filter:
    match modifier:
        case "text":
            return starts_with(unescape(text), where.variant("text"))
        case "of-type":
            return _of_type(text, where.variant("of-type"))
        case "in" | "not-in":
            url = unescape(text)
            members = context.terminology.members(url)
            if members is None:
                raise NotSupported(Issue("not-found", f"the value set {url[:200]} is not known here"))
            return _any_of(where, members)
        case "above" | "below" as way:
            return _hierarchy(text, way == "below", where, context)
    return _matches(text, where)


def _matches(text: str, where: Field) -> Filter:
    system, code = _system_and_code(text)
    if system is None or (where.systems is not None and system in ("", *where.systems)):
        return _in_any_system(code, where)
    if code is None:
        start = _pair(system, None)[0]
        return between(where, start, prefix_end(start))
    if system == "":
        return one_of(where, [f"|{code}", *([f"|{code.lower()}"] if "@" in code else [])])
    return one_of(where, [_pair(system, code)[0]])


def _in_any_system(code: str | None, where: Field) -> Filter:
    if code is None:
        return between(where, " ", prefix_end(" "))
    lower = code.lower()
    return one_of(where, [f" {code}"] if lower == code.upper() else [f" {code}", f"~{lower}"])


def _system_and_code(text: str) -> tuple[str | None, str | None]:
    """Return the two halves of a token: no system is "", any system is None, any code is None."""
    parts = split(text, "|")
    match parts:
        case [code] if code:
            return None, unescape(code)
        case [system, code] if system or code:
            return unescape(system), unescape(code) or None
        case _:
            raise bad_value("a token is code, system|code, |code or system|; write other bars as \\|")


def _of_type(text: str, where: Field) -> Filter:
    match [unescape(part) for part in split(text, "|")]:
        case [system, code, value] if system and code and value:
            return one_of(where, [f"{_pair(system, code)[0]}|{value}"])
        case _:
            raise bad_value("the value of :of-type is system|code|value, all three")


def _hierarchy(text: str, below: bool, where: Field, context: Context) -> Filter:
    system, code = _system_and_code(text)
    if below and system is None and code is not None and "/" in code:
        return _of_mime_type(code, where)
    if not system or code is None:
        raise bad_value("a code hierarchy needs system|code")
    find = context.terminology.below if below else context.terminology.above
    members = find(system, code)
    if members is None:
        raise NotSupported(Issue("not-found", f"the code {code[:60]!r} of {system[:200]} is not known here"))
    return _any_of(where, members)


def _of_mime_type(base: str, where: Field) -> Filter:
    """Return the filter that a MIME type is stored, with or without parameters ("text/xml; charset=UTF-8")."""
    start = f" {base};"
    return {"$or": [one_of(where, [f" {base}"]), between(where, start, prefix_end(start))]}


def _any_of(where: Field, members: Sequence[tuple[str, str]]) -> Filter:
    """Return the filter that one of some codes is stored: by code alone where its system goes without saying."""
    implied = where.systems
    if implied is None:
        return {where.path: {"$in": list(dict.fromkeys(_pair(system, code)[0] for system, code in members))}}
    return {where.path: {"$in": list(dict.fromkeys(f" {code}" for system, code in members if system in implied))}}


def _in_any_case(text: str, where: Field, _context: Context) -> Filter:
    """Return the filter of an equality in a _filter, whose values have no case.

    Codes are indexed as they are written: they are looked for as given, in small and in capital letters.
    """
    system, bar, code = text.rpartition("|")
    found = [_matches(f"{system}{bar}{form}", where) for form in dict.fromkeys((code, code.lower(), code.upper()))]
    if len(found) == 1:
        return found[0]
    values = [one[where.path] for one in found]
    return {where.path: {"$in": [form for one in values for form in ([one] if isinstance(one, str) else one["$in"])]}}


def _another(text: str, where: Field, context: Context) -> Filter:
    """Return the filter that there is a code besides the given one.

    Every code is stored in two forms, so only those are compared which are written like the given one.
    """
    equal = _in_any_case(text, where, context)
    wanted = equal[where.path]
    named = [wanted] if isinstance(wanted, str) else wanted.get("$in", [])
    if not named:
        raise bad_value("ne compares with a code, alone or in its system")
    ranges = [{"$gte": "!", "$lt": "~"}] if "|" in named[0] else [{"$gte": " ", "$lt": "!"}, {"$gte": "~"}]
    return {"$or": [{where.path: {"$elemMatch": {**alike, "$nin": named}}} for alike in ranges]}


def _with(modifier: str) -> Comparison:
    return lambda text, where, context: _condition(text, modifier, where, context)


COMPARISONS: Mapping[str, Comparison] = {
    "eq": _in_any_case,
    "ne": _another,
    "in": _with("in"),
    "ni": lambda text, where, context: {"$nor": [_condition(text, "in", where, context)]},
    "ss": _with("below"),
    "sb": _with("above"),
}


KIND = Kind(
    extract={"": _tokens, "text": _texts, "of-type": _typed_identifiers},
    condition=_condition,
    modifiers=frozenset({"not", "text", "in", "not-in", "above", "below", "of-type"}),
    comparisons=COMPARISONS,
)
