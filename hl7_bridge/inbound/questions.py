"""Many questions in few searches: those for one type that ask for an identifier each become one search for any of them.

A laboratory report asks some forty questions; a search each would cost more than all else that is done for it.
Spec: https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/search.html#combining
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl

from hl7_bridge.ports import Question, Resource

_TOGETHER = 50
_CLOCKS_DIFFER = timedelta(days=2)
_TOKEN = re.compile(r"((?:[^|,$\\]|\\.)+)\|((?:[^|,$\\]|\\.)+)")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Search:
    """One search and the questions that it answers: their places, and for each the identifier that it asks for.

    Shape: `params` are decoded pairs; `identifiers` is empty for a search that answers one question as it stands
    """

    type: str
    params: tuple[tuple[str, str], ...]
    places: tuple[int, ...]
    identifiers: tuple[tuple[str, str], ...] = ()

    @property
    def count(self) -> int:
        """How many hits are worth reading: two for each question tell that it is ambiguous."""
        return 2 * len(self.places)


def searches(questions: Sequence[Question]) -> list[Search]:
    """Return the searches that answer all the questions."""
    made: list[Search] = []
    by_type: dict[str, list[int]] = {}
    for place, question in enumerate(questions):
        if _identifier(question.criteria) is None:
            made.append(alone(questions, place))
        else:
            by_type.setdefault(question.type, []).append(place)
    for type_, places in by_type.items():
        groups = (places[start : start + _TOGETHER] for start in range(0, len(places), _TOGETHER))
        made += [_together(type_, questions, group) for group in groups]
    return made


def alone(questions: Sequence[Question], place: int) -> Search:
    """Return the search for one question."""
    question = questions[place]
    return Search(question.type, _pairs(question.criteria), (place,))


def answers(search: Search, found: Sequence[Resource]) -> dict[int, list[Resource]]:
    """Return by the place of each question those of the search's hits that it means."""
    if not search.identifiers:
        return {search.places[0]: list(found)}
    by_identifier: dict[tuple[str, str], list[Resource]] = {}
    for resource in found:
        for identifier in {_key(one) for one in _identifiers(resource)}:
            by_identifier.setdefault(identifier, []).append(resource)
    return {
        place: by_identifier.get(identifier, [])
        for place, identifier in zip(search.places, search.identifiers, strict=True)
    }


def recorded_since(moment: str) -> str:
    """Return a date before which nothing was recorded that happened after a moment (a FHIR dateTime of any precision).

    What happens later is recorded later, but for senders whose clocks are ahead by hours; the date bounds what has to
    be read of a patient whom thousands of messages were about.
    """
    year, month, day = (*(int(part) for part in moment[:10].split("-")), 1, 1)[:3]
    return (date(year, month, day) - _CLOCKS_DIFFER).isoformat()


def _together(type_: str, questions: Sequence[Question], places: Sequence[int]) -> Search:
    identifiers = [one for place in places if (one := _identifier(questions[place].criteria)) is not None]
    wanted = ",".join(dict.fromkeys(text for _, _, text in identifiers))
    return Search(type_, (("identifier", wanted),), tuple(places), tuple((one[0], one[1]) for one in identifiers))


@lru_cache(maxsize=4096)
def _identifier(criteria: str) -> tuple[str, str, str] | None:
    """Return (system, value, both as searched for) of criteria that ask for one identifier and nothing else."""
    pairs = _pairs(criteria)
    if len(pairs) != 1 or pairs[0][0] != "identifier":
        return None
    parts = _TOKEN.fullmatch(pairs[0][1])
    return (_plain(parts[1]), _plain(parts[2]), pairs[0][1]) if parts else None


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _pairs(criteria: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(criteria, keep_blank_values=True))


def _identifiers(resource: Resource) -> list[Resource]:
    """Return the identifiers of a resource; a few types have one, most a list."""
    found = resource.get("identifier", [])
    if resource["resourceType"] == "DocumentReference" and "masterIdentifier" in resource:
        return [*found, resource["masterIdentifier"]]
    return found if isinstance(found, list) else [found]


def _key(identifier: Resource) -> tuple[str, str]:
    return identifier.get("system", ""), identifier.get("value", "")
