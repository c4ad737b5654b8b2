"""Expansion of value sets from the code systems of a package."""

from typing import Any

import pytest

from conformance.build.terminology import expansions

SYSTEM = "http://example.org/colours"
COLOURS = {
    "resourceType": "CodeSystem",
    "url": SYSTEM,
    "name": "Colours",
    "status": "active",
    "content": "complete",
    "concept": [
        {"code": "red", "concept": [{"code": "crimson", "concept": [{"code": "dark-crimson"}]}]},
        {"code": "blue"},
    ],
}


def expanded(**compose: Any) -> list[str] | str:
    value_set = {"resourceType": "ValueSet", "url": "urn:set", "name": "Set", "status": "active", "compose": compose}
    other = {"resourceType": "ValueSet", "url": "urn:reds", "compose": {"include": [is_a("red")]}}
    found = expansions({"CodeSystem": [COLOURS], "ValueSet": [value_set, other]}, ["urn:set"])
    reason: str | None = found["unexpandable"].get("urn:set")
    codes: list[str] = found["value_sets"].get("urn:set", {}).get(SYSTEM, [])
    return codes if reason is None else reason


def filtered(op: str, value: str, name: str = "concept") -> dict[str, Any]:
    return {"system": SYSTEM, "filter": [{"property": name, "op": op, "value": value}]}


def is_a(value: str) -> dict[str, Any]:
    return filtered("is-a", value)


@pytest.mark.parametrize(
    ("compose", "codes"),
    [
        ({"include": [{"system": SYSTEM}]}, ["blue", "crimson", "dark-crimson", "red"]),
        ({"include": [{"system": SYSTEM, "concept": [{"code": "blue"}]}]}, ["blue"]),
        ({"include": [is_a("crimson")]}, ["crimson", "dark-crimson"]),
        ({"include": [filtered("descendent-of", "red")]}, ["crimson", "dark-crimson"]),
        ({"include": [filtered("is-not-a", "red")]}, ["blue"]),
        ({"include": [{"system": SYSTEM}], "exclude": [is_a("red")]}, ["blue"]),
        ({"include": [{"valueSet": ["urn:reds"]}]}, ["crimson", "dark-crimson", "red"]),
        ({"include": [filtered("is-not-a", "crimson") | {"valueSet": ["urn:reds"]}]}, ["red"]),
    ],
)
def test_the_rules_of_a_value_set_select_codes(compose: dict[str, Any], codes: list[str]) -> None:
    assert expanded(**compose) == codes


@pytest.mark.parametrize(
    ("include", "reason"),
    [
        ({"system": "http://loinc.org"}, "the package does not hold all codes of http://loinc.org"),
        ({"valueSet": ["urn:elsewhere"]}, "the value set is not part of the package"),
        (filtered("regex", ".*", "code"), "filter code regex"),
    ],
)
def test_what_the_package_does_not_hold_is_named(include: dict[str, Any], reason: str) -> None:
    assert expanded(include=[include]) == reason
