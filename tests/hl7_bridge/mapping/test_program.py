from typing import Any

import pytest

from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.layers import Layer, load_layers
from hl7_bridge.mapping.program import Program, compile_program


def program(**content: Any) -> Program:
    return compile_program([Layer("test", content)])


GROUPS = {"patient": {"starts": ["PID"], "segments": {"PID": ["Patient"]}}}


def test_built_in_maps_compile() -> None:
    compiled = compile_program(load_layers())
    assert compiled.grammar("ADT", "A01", "") == "ADT_A01"


def test_grammar_is_that_of_the_trigger_else_of_the_structure() -> None:
    compiled = program(
        segments={"PID": {"Patient": []}},
        messages={"M1": {"triggers": ["ADT^A01"], "groups": GROUPS}, "M2": {"groups": GROUPS}},
    )
    assert compiled.grammar("ADT", "A01", "M2") == "M1"
    assert compiled.grammar("ADT", "A99", "M2") == "M2"
    assert compiled.grammar("ADT", "A99", "") is None


def test_variant_of_a_role_has_the_rules_of_the_role() -> None:
    groups = {"patient": {"starts": ["PID"], "segments": {"PID": ["Patient#prior"]}}}
    compiled = program(segments={"PID": {"Patient": [{"from": 8, "to": "gender"}]}}, messages={"M": {"groups": groups}})
    assert compiled.roles["Patient#prior"].type == "Patient"
    assert [rule.target for rule in compiled.sections["PID", "Patient#prior"].rules] == ["gender"]


def test_section_takes_over_the_rules_of_another() -> None:
    roles = {
        "Patient": [{"from": 8, "to": "gender"}],
        "Patient#prior": {"use": "Patient", "rules": [{"value": False, "to": "active"}]},
    }
    compiled = program(segments={"PID": roles})
    assert [rule.target for rule in compiled.sections["PID", "Patient#prior"].rules] == ["gender", "active"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"segments": {"PID": {"Patient": [{"from": 7}]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": [{"from": "x", "to": "a"}]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": [{"from": 7, "to": "a", "as": "DATE"}]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": [{"from": 7, "to": "a", "table": "0001"}]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": [{"from": 7, "to": "a", "then": 1}]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": [{"from": 7, "value": 1, "to": "a"}]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": [{"call": "magic"}]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": ["7"]}}}, "segments.PID.Patient[0]"),
        ({"segments": {"PID": {"Patient": {"rulez": []}}}}, "segments.PID.Patient"),
        ({"segments": {"PID": {"Patient": {"ignores": ["x"]}}}}, "segments.PID.Patient"),
        ({"segments": {"PID": {"Patient": {"use": "Nobody"}}}}, "segments.PID"),
        ({"segments": {"PID": []}}, "segments.PID"),
        ({"roles": {"Patient": {"intent": "maybe"}}}, "roles.Patient"),
        ({"roles": {"Patient": {"key": "name"}}}, "roles.Patient"),
        ({"roles": {"Patient": {"keys": 1}}}, "roles.Patient"),
        ({"roles": {"Patient": {"finish": ["magic"]}}}, "roles.Patient"),
        ({"roles": {"Patient": {"merge": {"name": "mix"}}}}, "roles.Patient"),
        ({"roles": {"Patient": {"derive": ["5-x"]}}}, "roles.Patient"),
        ({"messages": {"M": {"groups": GROUPS}}}, "messages.M.patient"),
        ({"segments": ["PID"]}, "test: segments"),
    ],
)
def test_wrong_map_is_refused_with_its_place(content: dict[str, Any], place: str) -> None:
    with pytest.raises(MapError) as caught:
        program(**content)
    assert caught.value.place == place
