"""What a stored resource becomes when a message tells of it: absent stays, present replaces, deleted goes.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2.5.3: absent, present, null)
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from conformance.definitions import Definitions
from hl7_bridge.ports import Resource

Rule: TypeAlias = Callable[[list[Any], list[Any]], list[Any]]
"""How the stored items of an element and those of the message make one list."""

_OF_THE_STORE = frozenset({"resourceType", "id", "meta"})
_OF_VERSIONS = frozenset({"versionId", "lastUpdated"})


def identifier_union(stored: list[Any], sent: list[Any]) -> list[Any]:
    """Return the items of both; one that both have (same system and value) as the message has it, in its old place."""
    return _union(stored, sent, lambda item: (item.get("system"), item.get("value")))


def extension_union(stored: list[Any], sent: list[Any]) -> list[Any]:
    """Return the extensions of both; the message's take the place of all stored ones with the same url."""
    urls = {item.get("url") for item in sent}
    return [item for item in stored if item.get("url") not in urls] + sent


def plain_union(stored: list[Any], sent: list[Any]) -> list[Any]:
    """Return the items of both, equal ones once."""
    return stored + [item for item in sent if item not in stored]


_UNIONS: Mapping[str, Rule] = {
    "identifier": identifier_union,
    "extension": extension_union,
    "modifierExtension": extension_union,
}
"""How the items of some elements are told apart; those of others are equal or not."""


def type_union(stored: list[Any], sent: list[Any]) -> list[Any]:
    """Return the items of both; the message's take the place of all stored ones of the same type."""
    types = [item.get("type") for item in sent]
    return [item for item in stored if item.get("type") not in types] + sent


def use_union(stored: list[Any], sent: list[Any]) -> list[Any]:
    """Return the items of both; the message's take the place of all stored ones of the same use."""
    uses = {item.get("use") for item in sent}
    return [item for item in stored if item.get("use") not in uses] + sent


_WHERE_TOLD: Mapping[str, Rule] = {**_UNIONS, "participant": type_union, "telecom": use_union}
"""Also those that are united only where a map says so."""

_DEFAULT_RULES: Mapping[str, str] = dict.fromkeys((*_UNIONS, "contained"), "union")


class Joiner:
    """Joins resources; knows from the definitions which elements are forms of one choice."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._choices: dict[str, dict[str, tuple[str, ...]]] = {}

    def joined(
        self, stored: Resource, sent: Resource, *, clears: Collection[str] = (), rules: Mapping[str, str] | None = None
    ) -> Resource:
        """Return the stored resource with what a message says of it.

        Shape: `clears` are paths of elements to remove ("birthDate", "deceased[x]", "communication.language"), or
               items of a list ('name?{"use": "nickname"}'); `rules` say by element whether the message's value takes
               the place of the stored one ("replace"), joins its items ("union"), or gives way to it ("keep")
        """
        choices = self._choices_of(sent["resourceType"])
        result = dict(stored)
        for path in clears:
            result = without(result, path, choices.get(path, ()))
        named = {**_DEFAULT_RULES, **rules} if rules else _DEFAULT_RULES
        for element, value in sent.items():
            if element in _OF_THE_STORE:
                continue
            before = result.get(element)
            rule = named.get(element, "replace")
            if rule == "keep" and _stands(choices.get(element, (element,)), result):
                continue
            _remove(result, choices.get(element, (element,)), sent)
            result[element] = _value(element, before, value, union=rule == "union")
        if "meta" in sent:
            result["meta"] = _meta(stored.get("meta", {}), sent["meta"])
        return result

    def _choices_of(self, type_: str) -> dict[str, tuple[str, ...]]:
        """Return by the name of a choice ("value[x]") and by each of its forms all the forms."""
        found = self._choices.get(type_)
        if found is None:
            found = self._choices[type_] = {}
            for element in self._definitions.types[type_].elements.values():
                if element.is_choice:
                    forms = tuple(element.json_name(fhir_type) for fhir_type in element.types)
                    found |= dict.fromkeys((element.name, *forms), forms)
        return found


def _stands(elements: Iterable[str], result: Resource) -> bool:
    return any(element in result for element in elements)


def _remove(result: Resource, elements: Iterable[str], sent: Resource) -> None:
    """Take away what cannot stand beside an element that was sent: other forms of its choice, twins of primitives."""
    for element in elements:
        for name in (element, f"_{element}"):
            if name not in sent:
                result.pop(name, None)


def without(value: Resource, path: str, forms: Collection[str] = ()) -> Resource:
    """Return an object without the element at a dotted path, or without items of a list (`name?{"use": "nickname"}`).

    Objects that become empty go as well.
    """
    element, listed, wanted = path.partition("?")
    if listed:
        return _without_items(value, element, json.loads(wanted))
    name, _, rest = path.partition(".")
    if not rest:
        gone = {name, f"_{name}", *forms, *(f"_{form}" for form in forms)}
        return {key: child for key, child in value.items() if key not in gone}
    if name not in value:
        return value
    if isinstance(value[name], list):
        items = [without(item, rest, forms) if isinstance(item, dict) else item for item in value[name]]
        child: Any = [item for item in items if item]
    else:
        child = without(value[name], rest, forms) if isinstance(value[name], dict) else value[name]
    kept = {key: one for key, one in value.items() if key != name}
    return {**value, name: child} if child else kept


def _without_items(value: Resource, element: str, wanted: Resource) -> Resource:
    kept = [item for item in value.get(element, ()) if not _holds(item, wanted)]
    rest = {name: child for name, child in value.items() if name != element}
    return {**rest, element: kept} if kept else rest


def _holds(value: Any, wanted: Any) -> bool:
    """Tell whether a value has all that is wanted: members of objects, and for each item wanted one that has it."""
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(_holds(value.get(name), one) for name, one in wanted.items())
    if isinstance(wanted, list):
        return isinstance(value, list) and all(any(_holds(item, one) for item in value) for one in wanted)
    return bool(value == wanted)


def same(one: Resource, other: Resource) -> bool:
    """Tell whether two forms of a resource say the same; the numbers of their versions do not count."""
    return {**one, "meta": _own_meta(one)} == {**other, "meta": _own_meta(other)}


def _own_meta(resource: Resource) -> Resource:
    return {key: value for key, value in resource.get("meta", {}).items() if key not in _OF_VERSIONS}


def _value(element: str, stored: Any, sent: Any, *, union: bool) -> Any:
    if union and isinstance(stored, list) and isinstance(sent, list):
        return _WHERE_TOLD.get(element, plain_union)(stored, sent)
    if union and isinstance(stored, dict) and isinstance(sent, dict):
        return {**stored, **sent}
    return sent


def _meta(stored: Resource, sent: Resource) -> Resource:
    lists = [name for name in ("tag", "profile", "security") if name in sent]
    joined: Resource = {name: plain_union(stored.get(name, []), sent[name]) for name in lists}
    if "source" in sent:
        joined["source"] = sent["source"]
    return {**stored, **joined}


def _union(stored: list[Any], sent: list[Any], key: Callable[[Any], Any]) -> list[Any]:
    news = {key(item): item for item in sent}
    kept = [news.pop(key(item), item) for item in stored]
    return kept + list(news.values())
