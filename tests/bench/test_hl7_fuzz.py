"""What a run of messages with faults looks for, and one small run against a real server."""

import subprocess
import sys

import pytest

from bench.hl7_fuzz import Shot, digest, misplaced, told
from bench.hl7_mutations import Mutant

RAW = b"MSH|^~\\&|A|B|C|D|2024||ADT^A01|C7|P|2.5\rPID|1\r"
TAKEN = b"MSH|^~\\&|C|D|A|B|2024||ACK|9|P|2.5\rMSA|AA|C7\r"
REFUSED = TAKEN.replace(b"AA", b"AE")


def shot(answer: bytes, raw: bytes = RAW) -> Shot:
    return Shot(Mutant(b"C7", raw), (answer,))


def test_a_refused_message_without_dead_letter_is_found_and_with_one_it_is_right() -> None:
    [(what, raw)] = misplaced([shot(REFUSED)], set())
    assert what.startswith("refused, but no dead letter")
    assert raw == RAW
    assert list(misplaced([shot(REFUSED)], {digest(RAW + b"\r\n")})) == []


def test_a_query_leaves_no_letter() -> None:
    assert list(misplaced([shot(REFUSED, RAW.replace(b"ADT", b"QBP"))], set())) == []


def test_a_dead_letter_of_an_accepted_message_or_of_none_is_found() -> None:
    assert list(misplaced([shot(TAKEN)], {digest(RAW)})) == [("a dead letter, but not refused", RAW)]
    assert list(misplaced([shot(TAKEN)], {digest(b"x")})) == [("dead letters of messages that nobody sent", b"")]
    assert list(misplaced([shot(TAKEN, RAW + b"\x0bx")], {digest(b"x")})) == []


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"level":"info","event":"hl7","type":"ADT^A01"}', ""),
        ('{"level":"error","event":"hl7 failed"}', "a failure in the log"),
        ("Traceback (most recent call last):", "a failure in the log"),
        ('{"level":"warning","type":"NAMEZ7qx1x2"}', "patient data in the log"),
    ],
)
def test_a_line_of_the_log_tells_neither_failures_nor_patients(line: str, what: str) -> None:
    assert told(line).partition(":")[0] == what


def test_a_server_takes_a_hundred_messages_with_faults() -> None:
    command = [sys.executable, "-m", "bench.hl7_fuzz", "--messages", "100", "--seed", "1", "--connections", "8"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout.splitlines()[0].split(", ")[0]) == (0, "100 messages"), run.stdout + run.stderr
