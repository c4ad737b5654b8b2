"""How much one search may ask for: beyond that it would cost more than an answer is worth, or not fit into a command.

Spec: https://hl7.org/fhir/R4/valueset-issue-type.html (too-costly, too-long)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fhir_server.kernel.call import Params
from fhir_server.kernel.errors import Invalid, Issue, TooCostly
from fhir_server.kernel.query import Filter, Lookup

MOST_CRITERIA = 200
MOST_CHARACTERS = 100_000
"""Of all values together: as long as a thousand ids twice."""

MOST_PATTERNS = 100
"""Texts that may be looked for inside of others: each is put to every value."""

_LONGEST_NAME = 100


def check_size(params: Params) -> None:
    """Raise TooCostly for too many parameters, Invalid for values that are too long; it tells the longest one.

    Names are told back in errors and warnings, so they must be text that can stand there.
    """
    if len(params) > MOST_CRITERIA:
        raise TooCostly(f"a search may have {MOST_CRITERIA} parameters")
    if not "".join([name for name, _ in params]).isprintable():
        strange = next(name for name, _ in params if not name.isprintable())
        raise Invalid(Issue("value", f"the name {strange[:_LONGEST_NAME]!a} is no text"))
    if sum(len(value) for _, value in params) > MOST_CHARACTERS:
        longest = max(params, key=lambda pair: len(pair[1]))[0][:_LONGEST_NAME]
        why = f"{longest}: all values of a search together may have {MOST_CHARACTERS:,} characters"
        raise Invalid(Issue("too-long", why, expression=longest))


def check_patterns(criteria: Iterable[tuple[str, str]], of_types: Iterable[Sequence[Filter]]) -> None:
    """Raise TooCostly when the filters of a type look for too many texts inside of others; they are of `criteria`."""
    if any(name.endswith(":contains") or "_filter" in name for name, _ in criteria):
        patterns = max(map(_patterns, of_types), default=0)
        if patterns > MOST_PATTERNS:
            raise TooCostly(f"a search may look for {MOST_PATTERNS} texts inside of others, not for {patterns}")


def _patterns(part: Any) -> int:
    match part:
        case Lookup():
            return _patterns(part.filter)
        case Mapping():
            return sum(1 if name == "$regex" else _patterns(value) for name, value in part.items())
        case Sequence() if not isinstance(part, str):
            return sum(map(_patterns, part))
    return 0
