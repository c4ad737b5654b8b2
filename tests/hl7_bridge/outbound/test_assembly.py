"""Drafts that hl7apy refuses are not sent."""

from datetime import UTC, datetime

import pytest

from hl7_bridge.er7 import Value
from hl7_bridge.outbound import Draft, OutboundError, assemble
from tests.hl7_bridge.outbound.scene import partner


def built(*segments: tuple[str, dict[int, Value]], structure: str = "ADT_A05", version: str = "2.5.1") -> bytes:
    draft = Draft("ADT", "A28", structure, version)
    for name, fields in segments:
        draft.add(name, fields)
    return assemble(draft, partner(), control_id="C1", at=datetime(2024, 3, 5, 12, tzinfo=UTC))


EVN: tuple[str, dict[int, Value]] = ("EVN", {1: "A28", 2: "20240305120000"})
PID: tuple[str, dict[int, Value]] = ("PID", {3: ("1", "", "", "CITY"), 5: ("A|B\nC",)})
PV1: tuple[str, dict[int, Value]] = ("PV1", {2: "N"})


def test_text_is_escaped_once() -> None:
    assert b"|A\\F\\B\\.br\\C\r" in built(EVN, PID, PV1)


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ((EVN, PID), "ADT_A05.PV1: what is required is missing"),
        ((EVN, ("PID", {3: "1"}), PV1), "PID: PID.PID_5: what is required is missing"),
        ((EVN, PID, PV1, ("OBR", {4: "x"})), "OBR: the message has no place for it"),
        ((EVN, PID, ("PV1", {2: ("N", "too", "many")})), "PV1.PV1_2: not of data type"),
    ],
)
def test_a_message_against_the_standard_is_refused(
    segments: tuple[tuple[str, dict[int, Value]], ...], said: str
) -> None:
    with pytest.raises(OutboundError) as caught:
        built(*segments)
    assert said in str(caught.value)


def test_a_structure_that_nobody_knows_is_refused() -> None:
    with pytest.raises(OutboundError):
        built(EVN, PID, PV1, version="9.9")


def test_a_draft_without_grammar_is_refused() -> None:
    draft = Draft("ZZZ", "Z01", "ZZZ_Z01")
    with pytest.raises(OutboundError, match="ZZZ_Z01"):
        assemble(draft, partner(), control_id="C1", at=datetime(2024, 3, 5, 12, tzinfo=UTC))
