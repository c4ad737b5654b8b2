"""The codes of a value set, and those above and below a code, from the standard's terminology and stored resources.

Whatever is not at hand is asked for by `Unread`: who can read it does so, and tries again.

Spec: https://hl7.org/fhir/R4/valueset.html#compositions, https://hl7.org/fhir/R4/codesystem.html#hierarchy
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from conformance.terminology import CodeSystem, Concept, Filter, Rule, Terminology, ValueSet, terminology
from fhir_server.kernel.errors import Issue, NotSupported, TooCostly
from fhir_server.kernel.types import Resource

MOST_CODES = 10_000
DEEPEST = 20
"""Value sets in value sets; one that contains itself ends here."""

_TELLING = frozenset({"compose", "expansion"})
"""Of a value set without either nobody knows the codes; of one that says nothing in them, there are none."""

_WITHOUT_CODES = frozenset({"not-present", "supplement"})
"""What a CodeSystem says of its content when it describes a system whose codes stand elsewhere."""

Codes: TypeAlias = dict[tuple[str, str], None]
"""(system, code) pairs in order, each once."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """The address of a terminology resource: "http://x/vs", "http://x/vs|2.0" or "ValueSet/1"."""

    type: Literal["ValueSet", "CodeSystem"]
    url: str


class Unread(Exception):
    """A terminology resource must be looked for before the codes can be told."""

    def __init__(self, canonical: Canonical) -> None:
        super().__init__(canonical)
        self.canonical = canonical


class Expansion:
    """Tells codes; `read` holds the stored resources that were looked for, None for those that are not there."""

    def __init__(
        self, read: Mapping[Canonical, Resource | None], standard: Callable[[], Terminology] = terminology
    ) -> None:
        self._read = read
        self._standard = standard
        self._told: dict[str, Codes] = {}

    def members(self, value_set: str) -> Sequence[tuple[str, str]] | None:
        """Return the codes of a value set, None when it is not known.

        Errors: Unread; NotSupported for rules that cannot be followed, TooCostly for too many codes
        """
        found = self._value_set(value_set)
        return None if found is None else list(self._codes(found, DEEPEST))

    def below(self, system: str, code: str) -> Sequence[tuple[str, str]] | None:
        """Return a code and all that it subsumes, None when it is not known."""
        return self._related(system, code, _descendants)

    def above(self, system: str, code: str) -> Sequence[tuple[str, str]] | None:
        """Return a code and all that subsume it, None when it is not known."""
        return self._related(system, code, _ancestors)

    def _related(
        self, system: str, code: str, related: Callable[[CodeSystem, str], Iterable[str]]
    ) -> Sequence[tuple[str, str]] | None:
        found = self._code_system(system)
        if found is None or all(concept.code != code for concept in found.concepts):
            return None
        return [(system, one) for one in (code, *related(found, code))]

    def _value_set(self, url: str) -> ValueSet | None:
        standard = self._standard().value_sets.get(url.partition("|")[0])
        if standard is not None and url in (standard.url, f"{standard.url}|{standard.version}"):
            return standard
        stored = self._stored(Canonical("ValueSet", url))
        return value_set_of(stored) if stored is not None and _TELLING & stored.keys() else None

    def _code_system(self, url: str) -> CodeSystem | None:
        standard = self._standard().code_systems.get(url)
        if standard is not None and standard.content == "complete":
            return standard
        stored = self._stored(Canonical("CodeSystem", url))
        return None if stored is None or stored["content"] in _WITHOUT_CODES else code_system_of(stored)

    def _stored(self, canonical: Canonical) -> Resource | None:
        if canonical not in self._read:
            raise Unread(canonical)
        return self._read[canonical]

    def _codes(self, value_set: ValueSet, depth: int) -> Codes:
        if depth == 0:
            raise TooCostly(f"value sets may lie {DEEPEST} deep in each other")
        found: Codes = {}
        for rule in value_set.include:
            found |= self._of_rule(rule, depth)
            if len(found) > MOST_CODES:
                raise TooCostly(f"the value set has more than {MOST_CODES} codes")
        for rule in value_set.exclude:
            excluded = self._of_rule(rule, depth)
            found = {pair: None for pair in found if pair not in excluded}
        return found

    def _of_rule(self, rule: Rule, depth: int) -> Codes:
        """Return the codes for which everything that a rule says is true."""
        parts = [self._included(url, depth - 1) for url in rule.value_sets]
        if rule.system is not None:
            codes = [one.code for one in rule.concepts] if rule.concepts else self._of_system(rule.system, rule.filters)
            parts.insert(0, {(rule.system, code): None for code in codes})
        if not parts:
            return {}
        return {pair: None for pair in parts[0] if all(pair in part for part in parts[1:])}

    def _included(self, url: str, depth: int) -> Codes:
        """Return the codes of a value set in another; it may stand in many, and is followed once."""
        if url not in self._told:
            self._told[url] = self._codes(self._required(url), depth)
        return self._told[url]

    def _required(self, url: str) -> ValueSet:
        found = self._value_set(url)
        if found is None:
            raise _refusal(f"the value set {url[:200]} is not known here")
        return found

    def _of_system(self, url: str, filters: Sequence[Filter]) -> list[str]:
        system = self._code_system(url)
        if system is None:
            raise _refusal(f"the codes of {url[:200]} are not known here")
        tests = [_test(system, one) for one in filters]
        return [concept.code for concept in system.concepts if all(test(concept) for test in tests)]


def _test(system: CodeSystem, filter_: Filter) -> Callable[[Concept], bool]:
    """Return the test that a filter of a value set puts to the concepts of a code system."""
    value = filter_.value
    match filter_.op:
        case "is-a":
            wanted = {value, *_descendants(system, value)}
            return lambda concept: concept.code in wanted
        case "descendent-of":
            wanted = set(_descendants(system, value))
            return lambda concept: concept.code in wanted
        case "is-not-a":
            unwanted = {value, *_descendants(system, value)}
            return lambda concept: concept.code not in unwanted
        case "generalizes":
            wanted = {value, *_ancestors(system, value)}
            return lambda concept: concept.code in wanted
        case "=":
            return lambda concept: value in _values(concept, filter_.property)
        case "in":
            listed = set(value.split(","))
            return lambda concept: not listed.isdisjoint(_values(concept, filter_.property))
        case "not-in":
            listed = set(value.split(","))
            return lambda concept: listed.isdisjoint(_values(concept, filter_.property))
        case "exists":
            return lambda concept: bool(_values(concept, filter_.property)) == (value == "true")
    raise _refusal(f"a value set's filter by {filter_.op[:20]} cannot be followed here")


def _values(concept: Concept, property_: str) -> list[str]:
    match property_:
        case "concept" | "code":
            return [concept.code]
        case "parent":
            return list(concept.parents)
        case "display":
            return [concept.display] if concept.display is not None else []
    return [
        str(value).lower() if isinstance(value, bool) else value
        for name, value in concept.properties
        if name == property_
    ]


def _descendants(system: CodeSystem, code: str) -> list[str]:
    children: dict[str, list[str]] = {}
    for concept in system.concepts:
        for parent in concept.parents:
            children.setdefault(parent, []).append(concept.code)
    return _closure(code, children)


def _ancestors(system: CodeSystem, code: str) -> list[str]:
    return _closure(code, {concept.code: list(concept.parents) for concept in system.concepts})


def _closure(code: str, next_of: Mapping[str, Sequence[str]]) -> list[str]:
    """Return all that can be reached from a code, each once."""
    found: dict[str, None] = {}
    waiting = list(next_of.get(code, ()))
    while waiting:
        one = waiting.pop()
        if one not in found and one != code:
            found[one] = None
            waiting += next_of.get(one, ())
    return list(found)


def value_set_of(resource: Resource) -> ValueSet:
    """Return what a ValueSet resource says: its rules, or its expansion where it has no others."""
    compose = resource.get("compose", {})
    include = tuple(_rule(one) for one in compose.get("include", ()))
    if not include:
        # One more than may be, so that it is refused.
        listed = list(islice(_contained(resource.get("expansion", {}).get("contains", ())), MOST_CODES + 1))
        include = tuple(Rule(system=system, concepts=(Concept(code),)) for system, code in listed)
    return ValueSet(
        url=resource.get("url", ""),
        name=resource.get("name", ""),
        status=resource["status"],
        include=include,
        exclude=tuple(_rule(one) for one in compose.get("exclude", ())),
    )


def _rule(rule: Resource) -> Rule:
    return Rule(
        system=rule.get("system"),
        concepts=tuple(Concept(one["code"]) for one in rule.get("concept", ())),
        filters=tuple(Filter(one["property"], one["op"], one["value"]) for one in rule.get("filter", ())),
        value_sets=tuple(rule.get("valueSet", ())),
    )


def _contained(contains: Iterable[Resource]) -> Iterable[tuple[str, str]]:
    """Yield the codes of an expansion; abstract ones only hold others together."""
    waiting = deque(contains)
    while waiting:
        one = waiting.popleft()
        waiting += one.get("contains", ())
        if "system" in one and "code" in one and not one.get("abstract", False):
            yield one["system"], one["code"]


def code_system_of(resource: Resource) -> CodeSystem:
    """Return what a CodeSystem resource says; its hierarchy is that of its concepts and their parent properties."""
    concepts: list[Concept] = []
    waiting: list[tuple[Resource, tuple[str, ...]]] = [(one, ()) for one in resource.get("concept", ())]
    while waiting:
        one, parents = waiting.pop()
        properties = tuple(_property(given) for given in one.get("property", ()))
        named = tuple(str(value) for name, value in properties if name == "parent")
        concepts.append(Concept(one["code"], one.get("display"), parents + named, properties))
        waiting += [(inner, (one["code"],)) for inner in one.get("concept", ())]
    return CodeSystem(
        url=resource.get("url", ""),
        name=resource.get("name", ""),
        content=resource["content"],
        status=resource["status"],
        concepts=tuple(concepts),
    )


def _property(given: Resource) -> tuple[str, str | bool]:
    value = next((value for name, value in given.items() if name.startswith("value")), "")
    match value:
        case bool() | str():
            return given["code"], value
        case {"code": str(code)}:
            return given["code"], code
    return given["code"], str(value)


def _refusal(why: str) -> NotSupported:
    return NotSupported(Issue("not-supported", why))
