"""MLLP frames out of any bytes, in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hl7_bridge.framing import Event, Fault, Framer, frame

CONTENT = st.binary(max_size=40).map(lambda data: data.translate(None, b"\x0b\x1c"))


def events(*reads: bytes, limit: int = 1000) -> list[Event]:
    framer = Framer(limit)
    found = [event for read in reads for event in framer.feed(read)]
    return found + framer.close()


def test_several_frames_in_one_read_are_several_messages() -> None:
    assert events(frame(b"MSH|1") + frame(b"MSH|2") + frame(b"")) == [b"MSH|1", b"MSH|2", b""]


def test_one_frame_in_many_reads_is_one_message() -> None:
    assert events(*(bytes([byte]) for byte in frame(b"MSH|1"))) == [b"MSH|1"]


@given(st.lists(CONTENT, max_size=5), st.lists(st.integers(1, 30), max_size=30))
def test_how_reads_are_cut_does_not_matter(contents: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame, contents))
    reads, start = [], 0
    for length in cuts:
        reads.append(stream[start : start + length])
        start += length
    assert events(*reads, stream[start:]) == contents


@given(st.binary(max_size=300), st.integers(0, 300))
def test_no_bytes_bring_it_down_nor_does_a_cut_change_what_they_mean(stream: bytes, cut: int) -> None:
    assert events(stream[:cut], stream[cut:], limit=2000) == events(stream, limit=2000)


@pytest.mark.parametrize("end", [b"\x1c\n", b"\x1c"])
def test_an_end_mark_without_cr_ends_the_frame(end: bytes) -> None:
    assert events(b"\x0bMSH|1" + end + b"\x0bMSH|2" + end) == [b"MSH|1", b"MSH|2"]


def test_a_bare_end_mark_is_a_whole_frame_once_the_sender_is_silent() -> None:
    framer = Framer()
    assert framer.feed(b"\x0bMSH|1\x1c") == []
    assert framer.settling
    assert framer.settle() == [b"MSH|1"]
    assert not framer.settling
    assert framer.settle() == []


def test_an_end_mark_within_a_text_does_not_end_the_frame() -> None:
    assert events(frame(b"MSH|a\x1cb")) == [b"MSH|a\x1cb"]


def test_a_start_mark_within_a_text_stays_in_it() -> None:
    assert events(frame(b"MSH|a\x0bb")) == [b"MSH|a\x0bb"]


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_message_that_begins_within_a_frame_shows_that_its_end_is_missing(cut: int) -> None:
    stream = b"\x0bMSH|1" + frame(b"MSH|2")
    assert events(stream[:cut], stream[cut:]) == [Fault("truncated", b"MSH|1", 5), b"MSH|2"]


def test_the_end_of_the_connection_leaves_a_truncated_frame() -> None:
    assert events(b"\x0bMSH|1") == [Fault("truncated", b"MSH|1", 5)]
    assert events(b"\x0b") == []


def test_what_stands_between_frames_is_noise() -> None:
    assert events(b"GET / HT", b"TP\r\n" + frame(b"MSH|1") + b"\r\n\r\n") == [Fault("noise", b"", 10), b"MSH|1"]
    assert events(b"only noise") == [Fault("noise", b"", 10)]


def test_a_frame_over_the_limit_is_told_once_and_skipped() -> None:
    reads = [b"\x0bMSH|1" + b"x" * 50, *([b"x" * 50] * 40), b"\x1c", b"\r" + frame(b"MSH|2")]
    assert events(*reads, limit=100) == [Fault("too-long", b"MSH|1" + b"x" * 100, 105), b"MSH|2"]


def test_a_frame_over_the_limit_in_one_read_is_refused_too() -> None:
    assert events(frame(b"x" * 101) + frame(b"y" * 100), limit=100) == [Fault("too-long", b"x" * 101, 101), b"y" * 100]


def test_a_frame_over_the_limit_is_not_held() -> None:
    framer = Framer(limit=100)
    framer.feed(b"\x0b")
    for _ in range(100):
        framer.feed(b"x" * 1000)
    assert len(framer._buffer) < 1000


def test_a_frame_over_the_limit_without_end_does_not_swallow_the_next() -> None:
    assert events(b"\x0b" + b"x" * 200, b"xxx\x0bM", b"SH|2\x1c\r", limit=100)[1:] == [b"MSH|2"]
