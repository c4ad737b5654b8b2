"""Departures from the grammar."""

from hl7_bridge.er7 import parse
from hl7_bridge.structure import check


def problems(nine: str, names: str) -> list[tuple[str, str, str]]:
    raw = f"MSH|^~\\&|||||||{nine}|1|P|2.5.1\r".encode() + "".join(f"{n}|1\r" for n in names.split()).encode()
    return [(one.code, one.segment, one.text) for one in check(parse(raw))]


def test_a_message_as_its_grammar_wants_it_has_no_problem() -> None:
    assert problems("ADT^A08", "EVN PID PV1 AL1 DG1 ZZZ") == []
    assert problems("ORU^R01", "PID OBR OBX") == []
    assert problems("ORM^O01", "PID ORC RXO") == []


def test_what_is_missing_is_named_with_its_group() -> None:
    assert problems("ADT^A08", "EVN PV1") == [("100", "MSH", "PID is missing in ADT_A01")]
    assert problems("OML^O21", "OBR") == [("100", "OBR", "ORC is missing in ORDER")]


def test_what_is_missing_of_a_choice_is_named() -> None:
    assert problems("ORM^O01", "PID ORC DG1") == [
        ("100", "DG1", "OBR or RQD or RQ1 or RXO or ODS or ODT is missing in ORDER_DETAIL")
    ]


def test_what_has_no_place_is_a_warning() -> None:
    raw = b"MSH|^~\\&|||||||ADT^A08|1|P|2.5.1\rEVN|\rPID|\rPV1|\rOBR|1\rOBR|2\r"
    found = check(parse(raw))
    assert [(one.segment, one.sequence, one.severity) for one in found] == [("OBR", 1, "W"), ("OBR", 2, "W")]


def test_an_unknown_message_is_named_at_its_type() -> None:
    assert problems("ZZZ^Z01", "PID") == [("200", "MSH", "there is no message of this type")]
