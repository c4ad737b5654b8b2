from typing import Any

import pytest

from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.targets import compile_target, has_target


def put(
    path: str, *values: Any, fixed: dict[str, Any] | None = None, into: dict[str, Any] | None = None
) -> dict[str, Any]:
    resource: dict[str, Any] = into if into is not None else {}
    writer = compile_target(path, fixed, "test")
    for value in values:
        writer(resource, value)
    return resource


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("birthDate", {"birthDate": 1}),
        ("name*", {"name": [1]}),
        ("period.start", {"period": {"start": 1}}),
        ("reaction.0.severity", {"reaction": [{"severity": 1}]}),
        ("participant*.individual", {"participant": [{"individual": 1}]}),
        ("reaction.0.manifestation*", {"reaction": [{"manifestation": [1]}]}),
        ("_birthDate.extension*", {"_birthDate": {"extension": [1]}}),
    ],
)
def test_value_goes_to_its_path(path: str, expected: dict[str, Any]) -> None:
    assert put(path, 1) == expected


def test_star_appends_and_a_name_overwrites() -> None:
    assert put("name*", 1, 2) == {"name": [1, 2]}
    assert put("gender", 1, 2) == {"gender": 2}


def test_number_is_one_item_for_several_rules() -> None:
    resource = put("reaction.0.severity", "mild")
    assert put("reaction.0.onset", "2024", into=resource) == {"reaction": [{"severity": "mild", "onset": "2024"}]}


def test_fixed_elements_begin_each_new_item() -> None:
    assert put("participant*.individual", 1, 2, fixed={"type": "ATND"}) == {
        "participant": [{"type": "ATND", "individual": 1}, {"type": "ATND", "individual": 2}]
    }


def test_fixed_elements_stand_beside_a_value_that_is_no_list_item() -> None:
    assert put("eventCoding.code", "A01", fixed={"system": "s"}) == {"eventCoding": {"system": "s", "code": "A01"}}


def test_fixed_elements_join_an_object_that_is_appended() -> None:
    assert put("name*", {"family": "A"}, fixed={"use": "nickname"}) == {"name": [{"use": "nickname", "family": "A"}]}


def test_nested_extension_begins_with_both_urls() -> None:
    fixed = {"url": "outer", "extension": [{"url": "code"}]}
    assert put("extension*.extension.0.valueString", "x", fixed=fixed) == {
        "extension": [{"url": "outer", "extension": [{"url": "code", "valueString": "x"}]}]
    }


def test_what_was_put_before_is_not_changed_in_place() -> None:
    shared = {"coding": [{"code": "1"}]}
    resource = put("code", shared)
    put("code.text", "one", into=resource)
    assert shared == {"coding": [{"code": "1"}]}
    assert resource["code"] == {"coding": [{"code": "1"}], "text": "one"}


@pytest.mark.parametrize("path", ["", "Name", "a..b", "a b", "0.a", None, "a*b"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(MapError):
        compile_target(path, None, "test")


def test_target_is_found_in_any_item() -> None:
    resource = {"reaction": [{}, {"severity": "mild"}]}
    assert has_target(resource, "reaction.0.severity")
    assert not has_target(resource, "reaction*.onset")
