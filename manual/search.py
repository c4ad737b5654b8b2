"""docs/search.md: what can be searched for; the words stand in search.md beside this file, the facts in the code.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from conformance.load import definitions
from fhir_server.interactions.including import INCLUDED_AT_MOST, ROUNDS
from fhir_server.interactions.search import TOTAL_CAP
from fhir_server.kernel.errors import Invalid, TooCostly
from fhir_server.kernel.settings import Settings
from fhir_server.search import Search
from fhir_server.search.criteria.hierarchies import DEEPEST_HIERARCHY
from fhir_server.search.criteria.limits import MOST_CHARACTERS, MOST_CRITERIA, MOST_PATTERNS
from fhir_server.search.criteria.plain import MOST_ALTERNATIVES
from fhir_server.search.criteria.scope import DEEPEST_CHAIN
from fhir_server.search.expansion import MOST_CODES
from fhir_server.search.fields import Curated
from fhir_server.search.fields import table as index_table
from fhir_server.search.kinds import KINDS
from fhir_server.search.kinds.uri import MOST_FOLDERS
from fhir_server.search.kinds.words import LONGEST_WORD, MOST_WORDS
from fhir_server.search.results import MOST_KEYS, RESULT_PARAMETERS
from fhir_server.storage.find.finder import MOST_CANDIDATES
from fhir_server.storage.find.lookups import FEW, MOST_VALUES
from manual.tables import code, filled, table

_TEMPLATE = Path(__file__).parent / "search.md"
_WITH_PREFIXES = ("date", "number", "quantity")
_PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_REFUSED, _COSTLY = f"{Invalid.status}", f"{TooCostly.status} `{TooCostly.code}`"
_IN_COMPOSITES = ("eq", "ne")

RESULTS: Mapping[str, str] = {
    "_sort": "codes of parameters with commas between them, `-` before one for descending; what has no value comes "
    "last. All kinds but composite and special, and none that others make up (`combo-code`). Without it the order is "
    "that of the index which serves the search",
    "_count": "hits a page; 0 asks for the total alone",
    "_maxresults": "hits over all pages: the walk ends there",
    "_total": "`none`, `estimate` (is accurate here), `accurate`",
    "_summary": "`true`, `text`, `data`, `count`, `false`; what is cut is tagged `SUBSETTED`",
    "_elements": "names of elements with commas between them; mandatory ones come too, and the tag `SUBSETTED`",
    "_contained": "`false`, `true`, `both`: whether contained resources are searched, see below",
    "_containedType": "`container` or `contained`: what of them is handed out",
    "_explain": "`true`: the plan instead of the hits, in words; only where the server runs without authorization",
}
"""What each result parameter is for; those that the server does not have are left out."""


def page() -> str:
    """Return the page."""
    return filled(
        _TEMPLATE,
        {"kinds": _kinds(), "filters": _filters(), "results": _results(), "limits": _limits(), "indexes": _indexes()},
    )


def _kinds() -> str:
    counted = Counter(one.kind for parameters in Search(definitions()).registry.values() for one in parameters.values())
    rows = [
        (kind, f"{counted[kind]:,}", code(sorted(KINDS[kind].modifiers) if kind in KINDS else ()), _prefixes(kind))
        for kind in sorted(counted)
    ]
    return table(("kind", "parameters of all types", "modifiers", "prefixes"), rows)


def _prefixes(kind: str) -> str:
    if kind == "composite":
        return "those of its parts"
    return code(_PREFIXES) if kind in _WITH_PREFIXES else ""


def _filters() -> str:
    of_kinds = [(kind, code(sorted(found.comparisons))) for kind, found in sorted(KINDS.items())]
    others = [("composite, `_id`", code(_IN_COMPOSITES)), ("every kind", "`pr` (`true` or `false`)")]
    return table(("kind", "operators"), [*of_kinds, *others])


def _results() -> str:
    rows = [(f"`{name}`", text) for name, text in RESULTS.items() if name in RESULT_PARAMETERS]
    return table(("parameter", "value and meaning"), rows)


def _limits() -> str:
    settings = Settings()
    return table(
        ("what", "at most", "else"),
        [
            ("parameters of one search", f"{MOST_CRITERIA:,}", _REFUSED),
            ("characters of all values of a search", f"{MOST_CHARACTERS:,}", _REFUSED),
            ("alternatives of one value", f"{MOST_ALTERNATIVES:,}", _REFUSED),
            ("texts looked for inside of others (`:contains`, `co`, `ew`)", f"{MOST_PATTERNS}", _REFUSED),
            ("folders in which the URL of `:above` lies", f"{MOST_FOLDERS}", _REFUSED),
            ("parameters to sort by", f"{MOST_KEYS}", _COSTLY),
            ("steps of a chain", f"{DEEPEST_CHAIN}", _REFUSED),
            ("levels of a hierarchy (`:above`, `:below`)", f"{DEEPEST_HIERARCHY}", "those beyond are not found"),
            ("resources found by a step that is done first", f"{FEW:,}", "the step is put to the hits of the rest"),
            (
                "values found by a step that starts from a contained resource and has conditions beside it",
                f"{MOST_VALUES:,}",
                _COSTLY,
            ),
            ("hits of the rest that a step is put to", f"{MOST_CANDIDATES:,}", _COSTLY),
            ("codes of a value set or below a code", f"{MOST_CODES:,}", _COSTLY),
            ("words kept of one text; letters of a word", f"{MOST_WORDS:,}; {LONGEST_WORD}", "not found by the rest"),
            ("hits of a page (setting `max_page_size`)", f"{settings.max_page_size:,}", "fewer, with a link `next`"),
            ("resources included with a page", f"{INCLUDED_AT_MOST:,}", "the first ones, and a warning in the Bundle"),
            ("rounds of `:iterate`", f"{ROUNDS}", "the first ones, and a warning in the Bundle"),
            ("hits counted where no `_total` is asked for", f"{TOTAL_CAP:,}", "no `total`"),
            (
                "time of one query (setting `query_time_limit_ms`)",
                f"{settings.query_time_limit_ms / 1_000:g} s",
                _COSTLY,
            ),
        ],
    )


def _indexes() -> str:
    rows = ((type_, "; ".join(_index(index) for index in row.indexes)) for type_, row in index_table().items())
    return table(("type", "found together, in this order"), rows)


def _index(index: Curated) -> str:
    return " ".join([*_names(index.equals), *([_ordered(index)] if index.ordered else [])])


def _names(codes: Sequence[str]) -> Iterator[str]:
    return (f"`{one}`" for one in codes)


def _ordered(index: Curated) -> str:
    return f"by `{'-' if index.descending else ''}{index.ordered}`"
