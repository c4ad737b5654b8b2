"""CodeSystems, ValueSets and ConceptMaps -> their formal content, and the expansions of the required bindings.

Spec: https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/valueset.html#compositions
"""

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.build.package import Package, Resource

Codes = frozenset[tuple[str, str]]
Displays = Mapping[tuple[str, str], str | None]
EXAMPLE_MAPS = {"101", "102", "103", "example2"}
# The dates on which v2 retired codes: bulk that no FHIR rule looks at.
SKIPPED_PROPERTIES = {"deprecationDate"}


class Unexpandable(Exception):
    """A value set cannot be expanded from what the package holds; the text says why."""


def terminology(package: Package) -> dict[str, Any]:
    """Return all code systems and value sets of the package, in the fields of `conformance.terminology`."""
    displays = {
        (system["url"], concept["code"]): concept.get("display")
        for system in package["CodeSystem"]
        for concept in _concepts(system)
    }
    return {
        "code_systems": {system["url"]: _code_system(system) for system in package["CodeSystem"]},
        "value_sets": {value_set["url"]: _value_set(value_set, displays) for value_set in package["ValueSet"]},
    }


def concept_maps(package: Package) -> dict[str, Any]:
    """Return the concept maps of the standard by url, in the fields of `conformance.terminology.ConceptMap`."""
    return {m["url"]: _concept_map(m) for m in package["ConceptMap"] if m["id"] not in EXAMPLE_MAPS}


def expansions(package: Package, urls: list[str]) -> dict[str, Any]:
    """Return the expansions of some value sets, and for those that cannot be expanded the reason.

    Shape: {"value_sets": {url: {system: [code, …]}}, "unexpandable": {url: reason}}
    """
    expander = _Expander(package)
    expanded: dict[str, Any] = {}
    unexpandable: dict[str, str] = {}
    for url in urls:
        try:
            codes = expander.expand(url)
        except Unexpandable as reason:
            unexpandable[url] = str(reason)
            continue
        by_system: dict[str, list[str]] = {}
        for system, code in sorted(codes):
            by_system.setdefault(system, []).append(code)
        expanded[url] = by_system
    return {"value_sets": expanded, "unexpandable": unexpandable}


class _Expander:
    def __init__(self, package: Package) -> None:
        self._code_systems = {system["url"]: system for system in package["CodeSystem"]}
        self._value_sets = {value_set["url"]: value_set for value_set in package["ValueSet"]}

    def expand(self, url: str) -> Codes:
        value_set = self._value_sets.get(url.partition("|")[0])
        if value_set is None:
            raise Unexpandable("the value set is not part of the package")
        compose = value_set.get("compose", {})
        included = frozenset[tuple[str, str]]().union(*map(self._included, compose.get("include", [])))
        return included.difference(*map(self._included, compose.get("exclude", [])))

    def _included(self, include: Resource) -> Codes:
        sets = [self.expand(url) for url in include.get("valueSet", [])]
        if "system" in include:
            sets.append(frozenset((include["system"], code) for code in self._codes(include)))
        return sets[0].intersection(*sets[1:]) if sets else frozenset()

    def _codes(self, include: Resource) -> set[str]:
        if "concept" in include:
            return {concept["code"] for concept in include["concept"]}
        system = self._code_systems.get(include["system"])
        if system is None or system["content"] != "complete":
            raise Unexpandable(f"the package does not hold all codes of {include['system']}")
        ancestors = _ancestors(system)
        codes = set(ancestors)
        for filter_ in include.get("filter", []):
            codes &= _filtered(filter_, ancestors)
        return codes


def _filtered(filter_: Resource, ancestors: dict[str, set[str]]) -> set[str]:
    value = filter_["value"]
    below = {code for code, above in ancestors.items() if value in above}
    if filter_["property"] in ("concept", "code"):
        match filter_["op"]:
            case "is-a":
                return below | {value}
            case "descendent-of":
                return below
            case "is-not-a":
                return set(ancestors) - below - {value}
    raise Unexpandable(f"filter {filter_['property']} {filter_['op']}")


def _ancestors(system: Resource) -> dict[str, set[str]]:
    parents = {row["code"]: row.get("parents", []) for row in _concepts(system)}

    def above(code: str) -> set[str]:
        return set(parents[code]).union(*(above(parent) for parent in parents[code]))

    return {code: above(code) for code in parents}


def _code_system(system: Resource) -> dict[str, Any]:
    compact = {
        "url": system["url"],
        "name": system["name"],
        "content": system["content"],
        "concepts": _concepts(system),
    }
    optional = {
        "version": system.get("version"),
        "title": system.get("title"),
        "status": system["status"],
        "case_sensitive": system.get("caseSensitive"),
        "value_set": system.get("valueSet"),
        "supplements": system.get("supplements"),
    }
    return compact | {name: value for name, value in optional.items() if value is not None}


def _concepts(system: Resource) -> list[dict[str, Any]]:
    """All concepts of a system, flat; parents come from nesting and from `child` properties (v3's polyhierarchies)."""
    rows = {row["code"]: row for row in _flat(system.get("concept", []), parent=None)}
    for row in rows.values():
        for child in row.pop("children"):
            if child in rows and row["code"] not in rows[child]["parents"]:
                rows[child]["parents"].append(row["code"])
    return [{name: value for name, value in row.items() if value} for row in rows.values()]


def _flat(concepts: list[Resource], parent: str | None) -> Iterator[dict[str, Any]]:
    for concept in concepts:
        properties = [
            (p["code"], _property_value(p)) for p in concept.get("property", []) if p["code"] not in SKIPPED_PROPERTIES
        ]
        yield {
            "code": concept["code"],
            "display": concept.get("display"),
            "parents": [parent] if parent else [],
            "children": [value for code, value in properties if code == "child"],
            "properties": [[code, value] for code, value in properties if code != "child"],
        }
        yield from _flat(concept.get("concept", []), concept["code"])


def _property_value(concept_property: Resource) -> str | bool:
    value: str | bool = next(value for name, value in concept_property.items() if name.startswith("value"))
    return value


def _value_set(value_set: Resource, displays: Displays) -> dict[str, Any]:
    compose = value_set.get("compose", {})
    compact = {"url": value_set["url"], "name": value_set["name"], "status": value_set["status"]}
    optional = {
        "version": value_set.get("version"),
        "title": value_set.get("title"),
        "include": [_rule(rule, displays) for rule in compose.get("include", [])],
        "exclude": [_rule(rule, displays) for rule in compose.get("exclude", [])],
    }
    return compact | {name: value for name, value in optional.items() if value}


def _rule(rule: Resource, displays: Displays) -> dict[str, Any]:
    system = rule.get("system", "")
    compact = {
        "system": system,
        "version": rule.get("version"),
        "concepts": [
            # A display that only repeats the code system's stays there.
            _pick(concept, "code")
            if displays.get((system, concept["code"])) == concept.get("display")
            else _pick(concept, "code", "display")
            for concept in rule.get("concept", [])
        ],
        "filters": [_pick(filter_, "property", "op", "value") for filter_ in rule.get("filter", [])],
        "value_sets": rule.get("valueSet"),
    }
    return {name: value for name, value in compact.items() if value}


def _concept_map(concept_map: Resource) -> dict[str, Any]:
    compact = _pick(concept_map, "url", "name", "status", "version", "title")
    for side in ("source", "target"):
        scope = concept_map.get(f"{side}Canonical") or concept_map.get(f"{side}Uri")
        if scope:
            compact[side] = scope
    return compact | {"groups": [_group(group) for group in concept_map.get("group", [])]}


def _group(group: Resource) -> dict[str, Any]:
    mappings = [
        {"source": element["code"], "target": target.get("code"), "equivalence": target["equivalence"]}
        for element in group["element"]
        for target in element.get("target", [])
    ]
    return _pick(group, "source", "target") | {
        "rows": [{name: value for name, value in mapping.items() if value} for mapping in mappings]
    }


def _pick(resource: Resource, *names: str) -> dict[str, Any]:
    return {name: resource[name] for name in names if name in resource}
