"""Labels are sets: added once, taken away whether they were there or not."""

from typing import Any

from fhir_server.operations.labels import added, removed

TAG = {"system": "urn:s", "code": "a"}
META: dict[str, Any] = {"versionId": "3", "profile": ["urn:p"], "tag": [TAG]}


def test_a_label_that_is_there_is_not_added_again() -> None:
    assert META == added(META, {"tag": [{**TAG, "display": "other words"}], "profile": ["urn:p"]})


def test_new_labels_follow_the_old_ones_each_once() -> None:
    new = {"system": "urn:s", "code": "b"}
    assert [TAG, new] == added(META, {"tag": [new, new]})["tag"]
    assert [new] == added({}, {"security": [new]})["security"]


def test_only_labels_are_added() -> None:
    assert META == added(META, {"versionId": "9", "source": "urn:elsewhere"})


def test_the_same_code_of_another_system_is_another_label() -> None:
    assert META == removed(META, {"tag": [{"code": "a"}], "security": [TAG]})


def test_a_list_that_becomes_empty_is_left_out() -> None:
    assert {"versionId": "3", "profile": ["urn:p"]} == removed(META, {"tag": [{**TAG, "display": "x"}]})


def test_labels_without_code_are_told_apart_by_all_they_say() -> None:
    one, other = {"display": "one"}, {"display": "other"}
    assert {"tag": [one]} == removed({"tag": [one, other]}, {"tag": [other]})
