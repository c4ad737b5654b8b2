"""uri: the whole identifier of something, compared character by character.

Stored: the text; a canonical with version also without it.
Spec: https://hl7.org/fhir/R4/search.html#uri
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo

from conformance.paths import Typed
from fhir_server.kernel.fhir_text import prefix_end
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field
from fhir_server.search.kinds.kind import Comparison, Kind, another, bad_value, between, inside, one_of
from fhir_server.search.syntax import unescape

MOST_FOLDERS = 50
"""In which the URL of :above lies: the search asks for each."""


def _uris(values: Sequence[Typed], _zone: tzinfo) -> list[str]:
    return list(dict.fromkeys(form for value, fhir_type in values for form in forms(value, fhir_type)))


def forms(value: object, fhir_type: str) -> Iterator[str]:
    """Yield the texts by which a uri can be found: a canonical also without its version and fragment."""
    if not isinstance(value, str):
        return
    yield value
    if fhir_type == "canonical" and ("|" in value or "#" in value):
        yield value.partition("#")[0]
        yield value.partition("#")[0].partition("|")[0]


def _condition(text: str, modifier: str | None, where: Field, _context: Context) -> Filter:
    uri = unescape(text)
    if not uri:
        raise bad_value("the URI is empty")
    match modifier:
        case "below":
            return _below(uri, where)
        case "above":
            return one_of(where, [uri, *_ancestors(uri)])
    return one_of(where, [uri])


def _below(uri: str, where: Field) -> Filter:
    if uri.startswith("urn:"):
        raise bad_value(":below and :above need the path of a URL; a urn has none")
    folder = uri if uri.endswith("/") else uri + "/"
    return {"$or": [one_of(where, [uri]), between(where, folder, prefix_end(folder))]}


def _ancestors(uri: str) -> Iterator[str]:
    """Yield the URLs of all folders that a URL lies in, with and without slash, up to the host."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        raise bad_value(":below and :above need the path of a URL; a urn has none")
    host, *steps = rest.split("/")
    if len(steps) > MOST_FOLDERS:
        raise bad_value(f"a URL may lie {MOST_FOLDERS} folders deep here")
    for length in range(len(steps) + 1):
        folder = "/".join((host, *steps[:length]))
        yield f"{scheme}://{folder}"
        yield f"{scheme}://{folder}/"


COMPARISONS: Mapping[str, Comparison] = {
    "eq": lambda text, where, _context: one_of(where, [text]),
    "ne": lambda text, where, _context: another(where, one_of(where, [text])),
    "co": lambda text, where, _context: inside(where, text),
    "sw": lambda text, where, _context: between(where, text, prefix_end(text)),
    "ew": lambda text, where, _context: inside(where, text, end=True),
    "ss": lambda text, where, _context: _below(text, where),
    "sb": lambda text, where, _context: one_of(where, [text, *_ancestors(text)]),
}

KIND = Kind(extract={"": _uris}, condition=_condition, modifiers=frozenset({"above", "below"}), comparisons=COMPARISONS)
