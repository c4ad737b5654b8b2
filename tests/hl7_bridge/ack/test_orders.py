"""Replies to orders."""

from datetime import UTC, datetime

import pytest

from hl7_bridge.ack import Stamp, answers, order_reply
from hl7_bridge.er7 import Message, parse
from hl7_bridge.structure import check

STAMP = Stamp("A1", datetime(2024, 3, 5, tzinfo=UTC))


def order(kind: str, trigger: str) -> Message:
    return parse(
        f"MSH|^~\\&|WARD|N|F|C|||{kind}^{trigger}|77|P|2.5\rPID|1||12\rPV1|1|I\rORC|NW|1^WARD|||||||20240305\r"
        "OBR|1|1^WARD||GLU^Glucose\rNTE|1||note\rORC|CA|2^WARD\rOBR|2|2^WARD||K^Potassium\r".encode()
    )


@pytest.mark.parametrize(
    ("kind", "trigger", "expected"),
    [
        ("ORM", "O01", "ORR^O02^ORR_O02"),
        ("OML", "O21", "ORL^O22^ORL_O22"),
        ("OML", "O33", "ORL^O34^ORL_O34"),
        ("OML", "O35", "ORL^O36^ORL_O36"),
        ("OMG", "O19", "ORG^O20^ORG_O20"),
        ("RDE", "O11", "RRE^O12^RRE_O12"),
    ],
)
def test_an_order_is_answered_by_its_reply(kind: str, trigger: str, expected: str) -> None:
    source = order(kind, trigger)
    (answer,) = answers(source, "accepted", stamp=STAMP, reply=order_reply(source, accepted=True))
    assert parse(answer).header.raw(9) == expected


@pytest.mark.parametrize("kind", ["ORM^O01", "OML^O21", "OMG^O19", "OMP^O09", "RDE^O11", "RDS^O13", "RAS^O17"])
def test_a_reply_has_the_segments_that_its_grammar_wants(kind: str) -> None:
    source = order(*kind.split("^"))
    (answer,) = answers(source, "accepted", stamp=STAMP, reply=order_reply(source, accepted=True))
    assert check(parse(answer)) == []


def test_each_order_comes_back_with_what_became_of_it() -> None:
    source = order("OML", "O21")
    (answer,) = answers(source, "accepted", stamp=STAMP, reply=order_reply(source, accepted=True))
    assert answer.split(b"\r")[1:] == [
        b"MSA|AA|77",
        b"PID|1||12",
        b"ORC|OK|1^WARD|||||||20240305",
        b"OBR|1|1^WARD||GLU^Glucose",
        b"ORC|CR|2^WARD",
        b"OBR|2|2^WARD||K^Potassium",
        b"",
    ]


@pytest.mark.parametrize(("accepted", "refused", "codes"), [(False, (), ["UA", "UC"]), (True, (2,), ["OK", "UC"])])
def test_what_could_not_be_done_is_said(accepted: bool, refused: tuple[int, ...], codes: list[str]) -> None:
    source = order("ORM", "O01")
    reply = order_reply(source, accepted=accepted, refused=refused)
    (answer,) = answers(source, "error", stamp=STAMP, reply=reply)
    assert [segment.value(1) for segment in parse(answer).every("ORC")] == codes


def test_other_messages_have_no_order_reply() -> None:
    assert order_reply(order("ADT", "A08"), accepted=True) is None
