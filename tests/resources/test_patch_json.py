"""JSON Patch as RFC 6902 says: six operations, pointers with escapes, all or nothing."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.kernel.errors import Invalid, TooCostly, Unprocessable
from fhir_server.resources.patch import json_patch

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "name": [{"family": "Doe", "given": ["Ann", "Bo"]}, {"text": "A"}],
    "a/b": {"m~n": 1, "": 2},
    "weight": Decimal("1.50"),
}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    return json_patch(PATIENT, list(operations))


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "/gender", "value": "male"}, {"gender": "male"}),
        ({"op": "add", "path": "/active", "value": False}, {"active": False}),
        ({"op": "add", "path": "/name/1", "value": 7}, {"name": [PATIENT["name"][0], 7, PATIENT["name"][1]]}),
        ({"op": "add", "path": "/name/2", "value": 7}, {"name": [*PATIENT["name"], 7]}),
        ({"op": "add", "path": "/name/-", "value": [7]}, {"name": [*PATIENT["name"], [7]]}),
        ({"op": "add", "path": "/x", "value": None}, {"x": None}),
        ({"op": "remove", "path": "/name/0"}, {"name": [PATIENT["name"][1]]}),
        ({"op": "remove", "path": "/a~1b/m~0n"}, {"a/b": {"": 2}}),
        ({"op": "add", "path": "/a~01", "value": 3}, {"a~1": 3}),
        ({"op": "replace", "path": "/a~1b/", "value": 3}, {"a/b": {"m~n": 1, "": 3}}),
        ({"op": "replace", "path": "/name/1", "value": {}}, {"name": [PATIENT["name"][0], {}]}),
        ({"op": "move", "from": "/name/1", "path": "/name/0"}, {"name": PATIENT["name"][::-1]}),
        ({"op": "copy", "from": "/name/1/text", "path": "/name/0/text"},
         {"name": [{**PATIENT["name"][0], "text": "A"}, PATIENT["name"][1]]}),
        ({"op": "copy", "from": "/name/1", "path": "/name/-"}, {"name": [*PATIENT["name"], {"text": "A"}]}),
        ({"op": "test", "path": "/weight", "value": 1.5, "unknown": "members are ignored"}, {}),
        ({"op": "test", "path": "/name/0", "value": {"given": ["Ann", "Bo"], "family": "Doe"}}, {}),
    ],
)  # fmt: skip
def test_an_operation_changes_what_its_path_names(operation: dict[str, Any], changed: dict[str, Any]) -> None:
    assert patched(operation) == {**PATIENT, **changed}


def test_operations_see_what_those_before_them_did() -> None:
    result = patched(
        {"op": "move", "from": "/active", "path": "/note"},
        {"op": "test", "path": "/note", "value": True},
        {"op": "replace", "path": "", "value": {"resourceType": "Basic"}},
        {"op": "add", "path": "/id", "value": "b1"},
    )
    assert result == {"resourceType": "Basic", "id": "b1"}


def test_neither_resource_nor_patch_is_changed_or_shared() -> None:
    before = copy.deepcopy(PATIENT)
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": "/contact", "value": [{"name": {}}]},
        {"op": "add", "path": "/contact/0/name/text", "value": "x"},
        {"op": "add", "path": "/name/0/given/-", "value": "Cy"},
        {"op": "copy", "from": "/name/0", "path": "/name/1"},
        {"op": "add", "path": "/name/1/given/-", "value": "Di"},
    ]
    result = json_patch(PATIENT, operations)
    assert PATIENT == before
    assert operations[0]["value"] == [{"name": {}}]
    assert [len(name.get("given", ())) for name in result["name"]] == [3, 4, 0]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/active", "value": False},
        {"op": "test", "path": "/active", "value": 1},
        {"op": "test", "path": "/weight", "value": "1.50"},
        {"op": "test", "path": "/name/0/given", "value": ["Bo", "Ann"]},
        {"op": "test", "path": "/name/0", "value": {"family": "Doe"}},
        {"op": "test", "path": "/nothing", "value": None},
        {"op": "remove", "path": "/nothing"},
        {"op": "remove", "path": "/name/2"},
        {"op": "remove", "path": "/name/-"},
        {"op": "remove", "path": "/name/01"},
        {"op": "remove", "path": "/name/-1"},
        {"op": "remove", "path": "/name/x"},
        {"op": "remove", "path": "/active/x"},
        {"op": "replace", "path": "/nothing", "value": 1},
        {"op": "add", "path": "/nothing/x", "value": 1},
        {"op": "add", "path": "/name/3", "value": 1},
        {"op": "add", "path": "/name/99999999999999999999", "value": 1},
        {"op": "add", "path": "/active/x", "value": 1},
        {"op": "move", "from": "/name", "path": "/name/0"},
        {"op": "move", "from": "/name/0", "path": "/name/0/text"},
        {"op": "move", "from": "/nothing", "path": "/x"},
        {"op": "copy", "from": "/nothing", "path": "/x"},
    ],
)
def test_an_operation_that_does_not_apply_is_422_and_named(operation: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as caught:
        patched({"op": "test", "path": "/id", "value": "p1"}, operation)
    assert caught.value.issues[0].diagnostics.startswith(f"operation 1 ({operation['op']} {operation['path']}): ")


@pytest.mark.parametrize("operation", [{"op": "remove", "path": ""}, {"op": "add", "path": "", "value": []}])
def test_a_patch_must_leave_a_resource(operation: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable, match="leaves no resource"):
        patched(operation)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"op": "remove", "path": "/id"},
        [1],
        [{}],
        [{"op": "delete", "path": "/id"}],
        [{"op": ["add"], "path": "/id"}],
        [{"op": "remove"}],
        [{"op": "remove", "path": 1}],
        [{"op": "remove", "path": "id"}],
        [{"op": "remove", "path": "/a~2b"}],
        [{"op": "add", "path": "/id"}],
        [{"op": "move", "path": "/id"}],
        [{"op": "copy", "path": "/id", "from": "x"}],
    ],
)
def test_a_malformed_document_is_400(document: object) -> None:
    with pytest.raises(Invalid):
        json_patch(PATIENT, document)


def test_the_number_of_operations_is_limited() -> None:
    operations = [{"op": "test", "path": "/id", "value": "p1"}] * 4
    assert json_patch(PATIENT, operations, limit=4) == PATIENT
    with pytest.raises(TooCostly):
        json_patch(PATIENT, operations, limit=3)


def test_copies_that_double_are_stopped() -> None:
    bomb = [{"op": "copy", "from": "/name", "path": "/name/-"}, {"op": "copy", "from": "/name", "path": "/name/0"}] * 10
    with pytest.raises(Unprocessable, match="too large"):
        patched(*bomb)


def test_a_value_too_deep_to_walk_is_400() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(Invalid):
        patched({"op": "add", "path": "/x", "value": deep})
