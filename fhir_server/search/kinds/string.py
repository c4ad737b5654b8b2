"""string: text that starts with the value, whatever its case, accents and punctuation.

Stored: the folded texts, as "obrien"; the variant "exact" keeps them as they are.
Spec: https://hl7.org/fhir/R4/search.html#string
"""

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import Any

from conformance.paths import Typed
from fhir_server.kernel.fhir_text import fold, prefix_end
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds.kind import Kind, bad_value, between, one_of
from fhir_server.search.syntax import unescape

_LONGEST_INSIDE = 1_000
"""MongoDB takes regular expressions of up to 32 kB."""

_PARTS = {
    "HumanName": ("family", "given", "prefix", "suffix", "text"),
    "Address": ("line", "city", "district", "state", "postalCode", "country", "text"),
}


def _texts(values: Sequence[Typed]) -> Iterator[str]:
    for value, fhir_type in values:
        if isinstance(value, str):
            yield value
            continue
        for part in _PARTS.get(fhir_type, ()):
            content: Any = value.get(part)
            if isinstance(content, str):
                yield content
            elif content:
                yield from (text for text in content if text is not None)


def _folded(values: Sequence[Typed], _zone: tzinfo) -> list[str]:
    return list(dict.fromkeys(map(fold, _texts(values))))


def _exact(values: Sequence[Typed], _zone: tzinfo) -> list[str]:
    return list(dict.fromkeys(_texts(values)))


def starts_with(text: str, where: Field) -> Filter:
    """Return the filter that a folded text starts like the given one.

    A value of punctuation alone folds to nothing, which every text starts with; it is taken as it is and finds none.
    """
    prefix = fold(text) or text
    return between(where, prefix, prefix_end(prefix))


def _condition(text: str, modifier: str | None, where: Field, _context: Context) -> Filter:
    text = unescape(text)
    match modifier:
        case "exact":
            # The folded text is indexed, the exact one decides.
            return {"$and": [one_of(where, [fold(text)]), one_of(where.variant("exact"), [text])]}
        case "contains":
            if len(text) > _LONGEST_INSIDE:
                raise bad_value(f"at most {_LONGEST_INSIDE} characters with :contains")
            # No operator but a regular expression looks inside of a text; all of it is literal.
            return {where.path: {"$regex": re.escape(fold(text) or text)}}
    return starts_with(text, where)


KIND = Kind(extract={"": _folded, "exact": _exact}, condition=_condition, modifiers=frozenset({"exact", "contains"}))
