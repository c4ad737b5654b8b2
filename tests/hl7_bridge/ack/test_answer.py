"""Acknowledgements in the sender's mode, version, delimiters and character set."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hl7_bridge.ack import Problem, Stamp, answers, refusal
from hl7_bridge.er7 import Message, parse

STAMP = Stamp("A1", datetime(2024, 3, 5, 10, 15, tzinfo=UTC))
PROBLEM = Problem("101", "no identifier", segment="PID", sequence=1, field=3, repetition=1, component=1)


def message(commit: str = "", application: str = "", version: str = "2.5.1") -> Message:
    return parse(
        f"MSH|^~\\&|LAB^1.2^ISO|NORTH|FHIR|CITY|20240305||ADT^A08^ADT_A01|77|T|{version}|||{commit}|{application}||8859/1\r"
        "PID|1\r".encode()
    )


def codes(found: list[bytes]) -> list[str]:
    return [parse(one).segments[1].value(1) for one in found]


def test_the_answer_goes_back_to_the_sender_in_its_version() -> None:
    (answer,) = answers(message(), "accepted", stamp=STAMP)
    assert answer == (
        b"MSH|^~\\&|FHIR|CITY|LAB^1.2^ISO|NORTH|20240305101500+0000||ACK^A08^ACK|A1|T|2.5.1||||||8859/1\rMSA|AA|77\r"
    )


@pytest.mark.parametrize(
    ("commit", "application", "outcome", "expected"),
    [
        ("", "", "accepted", ["AA"]),
        ("", "", "error", ["AE"]),
        ("", "", "rejected", ["AR"]),
        ("AL", "NE", "accepted", ["CA"]),
        ("AL", "NE", "error", ["CE"]),
        ("AL", "NE", "rejected", ["CR"]),
        ("AL", "AL", "accepted", ["CA", "AA"]),
        ("AL", "AL", "error", ["CA", "AE"]),
        ("AL", "AL", "rejected", ["CR"]),
        ("NE", "AL", "accepted", ["AA"]),
        ("NE", "AL", "rejected", ["AR"]),
        ("NE", "NE", "error", []),
        ("ER", "ER", "accepted", []),
        ("ER", "NE", "error", ["CE"]),
        ("SU", "ER", "accepted", ["CA"]),
        ("SU", "ER", "error", ["CA", "AE"]),
        ("ER", "AL", "error", ["AE"]),
        ("", "AL", "accepted", ["AA"]),
        (" ", "", "accepted", ["AA"]),
        ("YES", "?", "error", ["AE"]),
        ("al", " NE ", "accepted", ["CA"]),
    ],
)
def test_the_sender_gets_the_acknowledgements_it_asks_for(
    commit: str, application: str, outcome: str, expected: list[str]
) -> None:
    assert codes(answers(message(commit, application), outcome, (PROBLEM,), stamp=STAMP)) == expected  # type: ignore[arg-type]


def test_commit_and_application_acknowledgement_have_control_ids_of_their_own() -> None:
    found = [parse(one) for one in answers(message("AL", "AL"), "accepted", stamp=STAMP)]
    assert [one.control_id for one in found] == ["A1.C", "A1"]


def test_an_error_names_segment_field_and_component() -> None:
    (answer,) = answers(message(), "error", (PROBLEM,), stamp=STAMP)
    assert answer.split(b"\r")[1:3] == [
        b"MSA|AE|77|no identifier",
        b"ERR||PID^1^3^1^1|101^Required field missing^HL70357|E||||no identifier",
    ]


def test_before_version_2_5_an_error_has_the_old_form() -> None:
    (answer,) = answers(message(version="2.3.1"), "error", (PROBLEM,), stamp=STAMP)
    assert b"\rERR|PID^1^3^101&Required field missing&HL70357\r" in answer


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.1", "ACK"),
        ("2.2", "ACK^A08"),
        ("2.3", "ACK^A08"),
        ("2.3.1", "ACK^A08^ACK"),
        ("2.9", "ACK^A08^ACK"),
        ("", "ACK^A08^ACK"),
    ],
)
def test_the_type_of_the_answer_has_the_form_of_the_version(version: str, expected: str) -> None:
    (answer,) = answers(message(version=version), "accepted", stamp=STAMP)
    assert parse(answer).header.raw(9) == expected
    assert parse(answer).version == version or version == ""


def test_msa_3_is_left_out_since_version_2_7() -> None:
    (answer,) = answers(message(version="2.7"), "error", (PROBLEM,), stamp=STAMP)
    assert b"\rMSA|AE|77\r" in answer


def test_own_delimiters_come_back() -> None:
    source = parse(b"MSH#$%/@#LAB#N#F#C###ADT$A08#7/F/7#P#2.5\r")
    (answer,) = answers(source, "error", (Problem("207", "a#b"),), stamp=STAMP)
    assert answer.startswith(b"MSH#$%/@#F#C#LAB#N#")
    assert parse(answer).segments[1].value(2) == "7#7"
    assert parse(answer).segments[2].value(8) == "a#b"


def test_a_warning_may_come_with_acceptance() -> None:
    (answer,) = answers(message(), "accepted", (Problem("103", "unknown", severity="W"),), stamp=STAMP)
    assert codes([answer]) == ["AA"]
    assert parse(answer).segments[2].value(4) == "W"


@pytest.mark.parametrize(
    ("raw", "control_id"),
    [
        (b"", ""),
        (b"HELLO", ""),
        (b"MSH|~MSH|LAB|N|F|C|||ADT|77|P|2.3\rPID|1\r", "77"),
        (b"junk\rMSH|^~\\&|LAB|N|F|C|||ADT^A01|77|P|2.3\rMSH|^~\\&\r", "77"),
        (b"MSH", ""),
        (b"MSH\r", ""),
        (b"MSH|^^^^|\xff\xfe\x00", ""),
        (b"MSH 1 2 3", ""),
    ],
)
def test_what_is_no_message_is_rejected_with_what_can_be_made_out(raw: bytes, control_id: str) -> None:
    answer = parse(refusal(raw, Problem("100", "no message", segment="MSH"), stamp=STAMP))
    first = answer.segments[1]
    assert (answer.type, first.value(1), first.value(2)) == ("ACK", "AR", control_id)


def test_fields_that_may_hold_other_delimiters_are_not_taken_over() -> None:
    answer = parse(refusal(b"MSH|~MSH|LA^B|N&M|FHIR|C|||ADT|7~7|P|2.3\r", PROBLEM, stamp=STAMP))
    assert [answer.header.raw(field) for field in (3, 5, 6)] == ["FHIR", "", ""]
    assert answer.segments[1].raw(2) == ""


def test_what_is_no_message_in_enhanced_mode_is_rejected_at_commit() -> None:
    raw = b"MSH|^~\\&|LAB|N|F|C|||ADT^A01|77|P|2.3|||AL|NE\rMSH|^~\\&\r"
    assert codes([refusal(raw, PROBLEM, stamp=STAMP)]) == ["CR"]


@given(st.binary(max_size=300))
def test_any_bytes_get_an_answer_that_can_be_read(raw: bytes) -> None:
    for one in (raw, b"MSH" + raw, b"MSH|" + raw):
        assert parse(refusal(one, PROBLEM, stamp=STAMP)).type == "ACK"
