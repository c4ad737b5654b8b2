"""string: text that starts with the value, whatever its case, accents and punctuation; see `words` for text searches.

Stored: the folded texts, as "obrien"; the variant "exact" keeps them as they are.
Spec: https://hl7.org/fhir/R4/search.html#string
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from conformance.paths import Typed
from fhir_server.kernel.fhir_text import fold, prefix_end
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds import words
from fhir_server.search.kinds.kind import Comparison, Kind, another, bad_value, between, inside, one_of
from fhir_server.search.syntax import unescape

_PARTS = {
    "HumanName": ("family", "given", "prefix", "suffix", "text"),
    "Address": ("line", "city", "district", "state", "postalCode", "country", "text"),
}


def _texts(values: Sequence[Typed]) -> Iterator[str]:
    for value, fhir_type in values:
        if isinstance(value, str):
            yield value
        elif fhir_type == "Narrative":
            yield from words.of_narrative(value)
        elif "resourceType" in value:
            yield from words.of_content(value)
        for part in _PARTS.get(fhir_type, ()):
            content: Any = value.get(part)
            if isinstance(content, str):
                yield content
            elif content:
                yield from (text for text in content if text is not None)


def _folded(values: Sequence[Typed], _zone: tzinfo) -> list[str]:
    return list(dict.fromkeys(map(fold, _texts(values))))


def _exact(values: Sequence[Typed], _zone: tzinfo) -> list[str]:
    if len(values) == 1 and (values[0][1] == "Narrative" or "resourceType" in values[0][0]):
        return []  # of words, only the folded ones are searched
    return list(dict.fromkeys(_texts(values)))


def starts_with(text: str, where: Field) -> Filter:
    """Return the filter that a folded text starts like the given one."""
    prefix = _plain(text)
    return between(where, prefix, prefix_end(prefix))


def _plain(text: str) -> str:
    """Return the folded text; one of punctuation alone folds to nothing, so it is taken as it is and finds none."""
    return fold(text) or text


def _condition(text: str, modifier: str | None, where: Field, _context: Context) -> Filter:
    text = unescape(text)
    if where.code in words.CODES:
        if modifier is not None:
            raise bad_value("a text search has no modifiers but :missing; write AND, OR, NOT, parentheses, or word*")
        return words.condition(text, where)
    match modifier:
        case "exact":
            # The folded text is indexed, the exact one decides.
            return {"$and": [one_of(where, [fold(text)]), one_of(where.variant("exact"), [text])]}
        case "contains":
            return inside(where, _plain(text))
    return starts_with(text, where)


def _ordered(operator: str) -> Comparison:
    return lambda text, where, _context: {where.path: {"$elemMatch": {operator: _plain(text)}}}


COMPARISONS: Mapping[str, Comparison] = {
    "eq": lambda text, where, _context: one_of(where, [_plain(text)]),
    "ne": lambda text, where, _context: another(where, one_of(where, [_plain(text)])),
    "co": lambda text, where, _context: inside(where, _plain(text)),
    "sw": lambda text, where, _context: starts_with(text, where),
    "ew": lambda text, where, _context: inside(where, _plain(text), end=True),
    "gt": _ordered("$gt"),
    "ge": _ordered("$gte"),
    "lt": _ordered("$lt"),
    "le": _ordered("$lte"),
}

KIND = Kind(
    extract={"": _folded, "exact": _exact},
    condition=_condition,
    modifiers=frozenset({"exact", "contains"}),
    comparisons=COMPARISONS,
)
