"""When a rule applies: `OBX-11 = F`, `29 absent and MSH-9.2 in A11 A23`, `has Encounter`.

`and` binds closer than `or`. Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

import re
from collections.abc import Callable

from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.places import Place, place
from hl7_bridge.mapping.scope import Scope

Condition = Callable[[Segment | None, Scope], bool]

TERM = re.compile(
    r"(?:(?P<place>[A-Z0-9.-]+)\s*(?:(?P<absent>absent|present)|(?P<op>=|!=|in|not in)\s+(?P<values>.+))"
    r"|(?P<has>has|lacks)\s+(?P<role>[\w#-]+))\Z"
)


def compile_condition(text: str, where: str) -> tuple[Condition, frozenset[Place]]:
    """Return the condition that a map's text means, and the places that it reads.

    Errors: MapError when the text is no condition
    """
    if not isinstance(text, str):
        raise MapError(where, f"{text!r} is not a condition; put it into quotes")
    terms = [[compile_term(term.strip(), where) for term in part.split(" and ")] for part in text.split(" or ")]
    read = frozenset(place_ for part in terms for _, places in part for place_ in places)
    alternatives = [[condition for condition, _ in part] for part in terms]
    if len(alternatives) == 1 and len(alternatives[0]) == 1:
        return alternatives[0][0], read
    return lambda segment, scope: any(all(one(segment, scope) for one in part) for part in alternatives), read


def compile_term(text: str, where: str) -> tuple[Condition, frozenset[Place]]:
    match = TERM.match(text)
    if match is None:
        raise MapError(where, f"{text!r} is not a condition; write `5.1 = X`, `5 in X Y`, `5 absent`, `has Encounter`")
    if role := match["role"]:
        wanted = match["has"] == "has"
        return (lambda _segment, scope: (scope.find(role) is not None) is wanted), frozenset()
    at = place(match["place"], where)
    if match["absent"]:
        present = match["absent"] == "present"
        return (lambda segment, scope: at.holds(segment, scope) is present), frozenset({at})
    values = frozenset(match["values"].split() if "in" in match["op"] else [match["values"].strip()])
    inside = match["op"] in ("=", "in")
    return (lambda segment, scope: (at.read(segment, scope) in values) is inside), frozenset({at})
