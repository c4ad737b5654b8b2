"""JSON Merge Patch as RFC 7396 says."""

from typing import Any

import pytest

from fhir_server.kernel.errors import Invalid
from fhir_server.resources.patch import merge_patch


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b"}, {"x": None}, {"a": "b"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b", None]}, {"a": ["b", None]}),
        ({"a": {"b": "c", "d": 1}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d", "d": 1}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_the_patch_is_merged(target: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge_patch(target, patch) == expected


def test_neither_resource_nor_patch_is_changed_or_shared() -> None:
    resource, patch = {"a": {"b": 1}}, {"a": {"c": [1]}}
    result = merge_patch(resource, patch)
    result["a"]["c"].append(2)
    assert (resource, patch) == ({"a": {"b": 1}}, {"a": {"c": [1]}})


@pytest.mark.parametrize("patch", [None, [], "x", 1])
def test_a_patch_that_is_no_object_is_400(patch: object) -> None:
    with pytest.raises(Invalid):
        merge_patch({}, patch)


def test_a_patch_too_deep_to_walk_is_400() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(Invalid):
        merge_patch({}, deep)
