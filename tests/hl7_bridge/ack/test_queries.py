"""Replies to queries."""

from datetime import UTC, datetime

from hl7_bridge.ack import Stamp, answers, query_reply
from hl7_bridge.er7 import Writer, parse

STAMP = Stamp("A1", datetime(2024, 3, 5, tzinfo=UTC))
QUERY = parse(b"MSH|^~\\&|W|N|F|C|||QBP^Q22^QBP_Q21|9|P|2.5\rQPD|Q22^Find Candidates^HL7|tag-1|@PID.5.1^SMITH\rRCP|I\r")


def test_a_query_is_answered_with_its_query_its_status_and_its_rows() -> None:
    def rows(writer: Writer) -> None:
        writer.segment("PID", {3: "12"})

    reply = query_reply(QUERY, "OK", 1, rows)
    (answer,) = answers(QUERY, "accepted", stamp=STAMP, reply=reply)
    assert parse(answer).header.raw(9) == "RSP^K22^RSP_K22"
    assert answer.split(b"\r")[1:] == [
        b"MSA|AA|9",
        b"QAK|tag-1|OK|Q22^Find Candidates^HL7|1",
        b"QPD|Q22^Find Candidates^HL7|tag-1|@PID.5.1^SMITH",
        b"PID|||12",
        b"",
    ]


def test_nothing_found_is_said() -> None:
    reply = query_reply(QUERY, "NF", 0)
    assert reply is not None
    (answer,) = answers(QUERY, "accepted", stamp=STAMP, reply=reply)
    assert b"\rQAK|tag-1|NF|Q22^Find Candidates^HL7|0\r" in answer


def test_other_messages_and_queries_without_parameters_have_no_reply() -> None:
    assert query_reply(parse(b"MSH|^~\\&|||||||ADT^A01|9|P|2.5\r"), "OK") is None
    assert query_reply(parse(b"MSH|^~\\&|||||||QBP^Q22|9|P|2.5\r"), "OK") is None
