"""hl7apy's opinion, without the values that it repeats."""

import pytest

from hl7_bridge.er7 import parse
from hl7_bridge.structure import Validation
from hl7_bridge.structure.validation import examine, problem

pytestmark = pytest.mark.anyio

GOOD = (
    "MSH|^~\\&|LAB|NORTH|FHIR|CITY|20240305101500||ADT^A08^ADT_A01|77|P|2.5.1\r"
    "EVN|A08|20240305101500\rPID|1||12^^^CITY^MR||BERG^EVA||19790412|F\rPV1|1|O\r"
)


async def test_a_worker_examines_messages_and_repeats_no_value() -> None:
    async with Validation() as validation:
        assert await validation.problems(parse(GOOD.encode())) == []
        found = await validation.problems(
            parse(GOOD.replace("PV1|1|O\r", "PV1|1|SECRET\r").replace("EVN|A08|20240305101500\r", "").encode())
        )
    assert [(one.code, one.segment, one.severity) for one in found][:1] == [("101", "", "E")]
    assert ("103", "PV1", 2, "W") in [(one.code, one.segment, one.field, one.severity) for one in found]
    assert "SECRET" not in str(found)


async def test_alternatives_of_a_choice_are_not_missed() -> None:
    order = GOOD.replace("ADT^A08^ADT_A01", "ORM^O01^ORM_O01").replace("EVN|A08|20240305101500\r", "")
    async with Validation() as validation:
        found = await validation.problems(parse(f"{order}ORC|NW|1\rOBR|1|1||GLU^Glucose\r".encode()))
    assert [one for one in found if one.severity == "E"] == []


def test_a_structure_that_it_does_not_know_is_one_finding() -> None:
    known_no_more = GOOD.replace("ADT^A08^ADT_A01", "ORR^O02^ORR_O02").replace("2.5.1", "2.8")
    assert examine(known_no_more) == [("Error", "AttributeError: it cannot be read")]


def test_what_cannot_be_read_is_one_finding() -> None:
    assert examine("MSH|^~\\&|||||||ADT^A08|1|P|9.9") == [("Error", "UnsupportedVersion: it cannot be read")]


@pytest.mark.parametrize(
    ("text", "code", "place", "said"),
    [
        ("Missing required child PID.PID_3", "101", ("PID", 3), "PID.PID_3: what is required is missing"),
        ("Child limit exceeded PV1.PV1_2", "102", ("PV1", 2), "PV1.PV1_2: it may not repeat so often"),
        (
            "Value SECRET\nX not in table HL70001 in element PID.PID_8",
            "103",
            ("PID", 8),
            "PID.PID_8: not in table HL70001",
        ),
        ("Exceeded max length (3) of PID_3.CX_1", "102", ("PID", 3), "PID_3.CX_1: longer than 3"),
        (
            "Datatype ST is not correct for PID.PID_7 (it must be TS)",
            "102",
            ("PID", 7),
            "PID.PID_7: not of data type ST",
        ),
        ("Unknown element found: SECRET", "100", ("", None), "the structure is not that of its type"),
    ],
)
def test_findings_are_told_by_place(text: str, code: str, place: tuple[str, int | None], said: str) -> None:
    found = problem("Error", text)
    assert (found.code, (found.segment, found.field), found.text) == (code, place, said)
