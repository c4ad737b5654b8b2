from typing import Any

import pytest

from hl7_bridge.mapping.conditions import compile_condition
from hl7_bridge.mapping.errors import MapError
from tests.hl7_bridge.mapping.scopes import scope
from tests.hl7_bridge.mapping.test_groups import PATIENT

OUTER = scope({"patient": PATIENT}, "PID|1||12", 'PV1|1|I|""', "OBR|1", 'OBX|1|NM|2345-7^Glucose|||^gram||""')
RESULT = OUTER.children[0].children[0].children[0]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("2 = NM", True),
        ("2 != NM", False),
        ("2 in SN NM", True),
        ("2 not in SN NM", False),
        ("3.2 = Glucose", True),
        ("3.9 absent", True),
        ("3 present", True),
        ("6 present", True),
        ("6.1 present", False),
        ("8 present", False),
        ("7 absent", True),
        ("PV1-2 = I", True),
        ("PV1-3 absent", True),
        ("MSH-9.2 in R01 R02", True),
        ("2 = NM and PV1-2 = O", False),
        ("2 = NM and PV1-2 = O or 3.1 = 2345-7", True),
        ("lacks Encounter", True),
        ("has Encounter", False),
    ],
)
def test_condition(text: str, holds: bool) -> None:
    condition, _ = compile_condition(text, "test")
    assert condition(RESULT.segments[0], RESULT) is holds


def test_condition_tells_what_it_reads() -> None:
    _, places = compile_condition("2 = NM and PV1-2 = I", "test")
    assert {(place.segment, place.field) for place in places} == {("", 2), ("PV1", 2)}


@pytest.mark.parametrize("text", ["", "2 is NM", "two = NM", True, "2 ="])
def test_what_is_no_condition_is_refused(text: Any) -> None:
    with pytest.raises(MapError):
        compile_condition(text, "test")
