from typing import Any

import pytest

from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.groups import compile_group
from tests.hl7_bridge.mapping.scopes import scope, shape

RESULT = {"starts": ["OBX"], "segments": {"OBX": ["Observation"], "NTE": ["Observation"], "PRT": ["Observation"]}}
SPECIMEN = {"starts": ["SPM"], "segments": {"SPM": ["Specimen"]}}
ORDER: dict[str, Any] = {
    "starts": ["ORC", "OBR"],
    "segments": {"ORC": ["ServiceRequest"], "OBR": ["DiagnosticReport"], "NTE": ["DiagnosticReport"]},
    "groups": {"result": RESULT, "specimen": SPECIMEN},
}
PATIENT: dict[str, Any] = {
    "starts": ["PID"],
    "segments": {"PID": ["Patient"], "PV1": ["Encounter"], "PRT": ["Patient"]},
    "groups": {"order": ORDER},
}


def arranged(*names: str, order: dict[str, Any] | None = None) -> Any:
    patient = {**PATIENT, "groups": {"order": order}} if order else PATIENT
    return shape(scope({"patient": patient}, *(f"{name}|1" for name in names)))


def test_starter_opens_a_group_and_others_fill_it() -> None:
    assert arranged("PID", "PV1", "OBR", "OBX", "NTE", "OBX") == [
        "MSH",
        ["PID PV1", ["OBR", ["OBX NTE"], ["OBX"]]],
    ]


def test_second_starter_joins_the_group_that_the_first_one_opened() -> None:
    assert arranged("PID", "ORC", "OBR", "OBX", "ORC", "OBR") == ["MSH", ["PID", ["ORC OBR", ["OBX"]], ["ORC OBR"]]]


def test_starter_after_inner_groups_opens_a_new_instance() -> None:
    assert arranged("PID", "OBR", "OBX", "ORC", "OBR") == ["MSH", ["PID", ["OBR", ["OBX"]], ["ORC OBR"]]]


def test_comment_belongs_to_what_stands_before_it() -> None:
    assert arranged("PID", "OBR", "NTE", "OBX", "NTE") == ["MSH", ["PID", ["OBR NTE", ["OBX NTE"]]]]


def test_order_without_its_own_common_part_shares_the_one_before() -> None:
    assert arranged("PID", "ORC", "OBR", "OBR", order={**ORDER, "carries": ["ORC"]}) == [
        "MSH",
        ["PID", ["ORC OBR"], ["ORC OBR"]],
    ]


def test_segment_whose_group_never_began_opens_it() -> None:
    assert arranged("OBX") == ["MSH", ["", ["", ["OBX"]]]]


def test_unknown_segment_stays_outside_and_disturbs_nothing() -> None:
    assert arranged("PID", "OBR", "ZZZ", "OBX", "XYZ", "NTE") == ["MSH", ["PID", ["OBR", ["OBX NTE"]]]]


def test_participation_does_not_reach_out_of_its_group() -> None:
    assert arranged("PID", "PRT", "OBR", "PRT", "OBX", "PRT") == ["MSH", ["PID PRT", ["OBR", ["OBX PRT"]]]]


def test_fragments_bring_segments_and_groups_and_own_ones_win() -> None:
    fragments = {"base": {"segments": {"PID": ["Patient"], "PV1": ["Encounter"]}, "groups": {"order": ORDER}}}
    group = compile_group("patient", {"use": "base", "segments": {"PV1": ["Encounter#other"]}}, fragments)
    assert group.segments == {"PID": ("Patient",), "PV1": ("Encounter#other",)}
    assert [one.name for one in group.groups] == ["order"]


@pytest.mark.parametrize("described", [{"use": "nothing"}, {"begins": ["PID"]}, ["PID"]])
def test_wrong_group_is_refused(described: Any) -> None:
    with pytest.raises(MapError):
        compile_group("patient", described, {})
