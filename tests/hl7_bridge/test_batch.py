"""Files of messages."""

import tracemalloc
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hl7_bridge.batch import BatchError, messages
from hl7_bridge.framing import frame

ONE = b"MSH|^~\\&|A|B|C|D|||ADT^A08|1|P|2.5\rPID|1||12\r"
TWO = b"MSH|^~\\&|A|B|C|D|||ADT^A08|2|P|2.5\rPID|1||13\r"
FILE = b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + ONE + TWO + b"BTS|2\rFTS|1\r"


def read(raw: bytes, limit: int = 1000) -> list[bytes]:
    return list(messages(BytesIO(raw), limit=limit))


@pytest.mark.parametrize(
    "raw",
    [
        FILE,
        ONE + TWO,
        ONE + b"\r\r" + TWO.rstrip(),
        frame(ONE) + frame(TWO),
        frame(ONE) + b"\n" + frame(TWO) + b"\n",
        b"\xef\xbb\xbf" + FILE,
        FILE.decode().encode("utf-16"),
        (ONE + TWO).decode().encode("utf-16-le"),
        b"BHS|^~\\&|A\r" + ONE + b"BTS|1\rBHS|^~\\&|B\r" + TWO + b"BTS\r",
    ],
)
def test_messages_of_a_file_are_found(raw: bytes) -> None:
    assert read(raw) == [ONE, TWO]


def test_lines_may_end_by_line_feed() -> None:
    assert read(FILE.replace(b"\r", b"\r\n")) == [one.replace(b"\r", b"\r\n").rstrip() + b"\r" for one in (ONE, TWO)]


@given(st.integers(1, 60))
def test_how_reads_are_cut_does_not_matter(size: int) -> None:
    class Slow(BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            return super().read(size)

    assert list(messages(Slow(FILE))) == [ONE, TWO]


@pytest.mark.parametrize(
    ("raw", "found", "problem"),
    [
        (b"", [], "there is no message"),
        (b"hello\rworld", [], "2 lines of text outside of messages"),
        (FILE + b"hello\r", [ONE, TWO], "1 lines of text outside of messages"),
        (FILE.replace(b"BTS|2", b"BTS|3"), [ONE, TWO], "BTS-1 says 3 messages, 2 came"),
        (FILE.replace(b"FTS|1", b"FTS|2"), [ONE, TWO], "FTS-1 says 2 batches, 1 came"),
        (FILE.replace(b"BTS|2", b"BTS|" + b"9" * 5_000), [ONE, TWO], f"BTS-1 says {'9' * 18} messages, 2 came"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_when_its_messages_are_read(
    raw: bytes, found: list[bytes], problem: str
) -> None:
    got: list[bytes] = []
    with pytest.raises(BatchError) as caught:
        got.extend(messages(BytesIO(raw)))
    assert (got, problem in caught.value.problems) == (found, True)


def test_a_message_over_the_limit_is_skipped_not_the_others() -> None:
    long = ONE + b"OBX|1|TX|||" + b"x" * 300_000 + b"\r"
    got: list[bytes] = []
    with pytest.raises(BatchError, match="the limit is 1000"):
        got.extend(messages(BytesIO(ONE + long + TWO), limit=1000))
    assert got == [ONE, TWO]


def test_a_message_over_the_limit_is_not_held() -> None:
    stream = BytesIO(ONE + b"OBX|1|TX|||" + b"x" * 500 + b"\r" + b"OBX|1|TX|||more\r" * 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(BatchError):
            list(messages(stream, limit=1000))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=300))
def test_no_bytes_bring_it_down(raw: bytes) -> None:
    for one in (raw, ONE + raw, b"BTS" + raw):
        with suppress(BatchError):
            read(one)
