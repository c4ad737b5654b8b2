"""The judge of acknowledgements: what it lets pass, and what it does not."""

import pytest

from bench.hl7_answers import expected, faults, plain, refused

SENT = b"MSH|^~\\&|A|B|C|D|2024||ADT^A01|C7|P|2.5\rPID|1\r"
GOOD = b"MSH|^~\\&|C|D|A|B|2024||ACK^A01^ACK|9|P|2.5\rMSA|AA|C7\r"
BAD = b"MSH|^~\\&|C|D|A|B|2024||ACK^A01^ACK|9|P|2.5\rMSA|AE|C7\rERR||PID^1|100|E\r"


@pytest.mark.parametrize("answer", [GOOD, BAD])
def test_a_whole_acknowledgement_of_the_message_passes(answer: bytes) -> None:
    assert faults(SENT, b"C7", [answer]) == []
    assert refused(answer) == (answer is BAD)


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ([], "0 answers instead of 1 to 1"),
        ([GOOD, GOOD], "2 answers instead of 1 to 1"),
        ([GOOD.replace(b"C7", b"C8")], "the answer names another message"),
        ([GOOD.replace(b"MSA|AA", b"MSA|OK")], "no acknowledgement"),
        ([GOOD.replace(b"MSA|", b"MSB|")], "no acknowledgement"),
        ([GOOD[:-1]], "no message"),
        ([GOOD + b"x^y\r"], "something that is no segment"),
        ([GOOD + b"NTE|\x00\r"], "control characters"),
        ([BAD.replace(b"ERR", b"NTE")], "no reason"),
        ([BAD.replace(b"100", b"failed on this message")], "failed"),
        ([BAD.replace(b"100", b"is not available at the moment")], "unavailable"),
    ],
)
def test_what_is_wrong_with_answers_is_told(answers: list[bytes], fault: str) -> None:
    assert fault in faults(SENT, b"C7", answers)


def test_a_control_id_that_did_not_survive_is_not_asked_for() -> None:
    assert faults(SENT.replace(b"|C7|", b"|C|"), b"C7", [GOOD.replace(b"C7", b"C")]) == []
    assert faults(SENT.replace(b"|C7|", b"|C7\nx|"), b"C7", [GOOD.replace(b"C7", b"C7\\.br\\x")]) == []


@pytest.mark.parametrize(
    ("raw", "bounds"),
    [
        (SENT, (1, 1)),
        (SENT.replace(b"|2.5\r", b"|2.5|||AL|AL\r"), (0, 2)),
        (SENT.replace(b"|2.5\r", b"|2.5\n|||NE\r"), (0, 2)),
        (SENT + b"\x0bMSH|", (1, 2)),
        (b"", (1, 1)),
    ],
)
def test_a_frame_gets_as_many_answers_as_it_asks_for(raw: bytes, bounds: tuple[int, int]) -> None:
    assert expected(raw) == bounds


def test_only_a_message_without_frame_marks_and_wishes_is_plain() -> None:
    assert [plain(raw) for raw in (SENT, SENT + b"\x0b", SENT + b"\x1c", SENT + b"\x0bMSH|")] == [True, *[False] * 3]
