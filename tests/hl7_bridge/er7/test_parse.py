"""Bytes to messages: separators, rubbish, and no crash on anything."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hl7_bridge.er7 import Er7Error, parse

ADT = (
    b"MSH|^~\\&|WARD|NORTH|FHIR|CITY|20240305101500+0100||ADT^A08^ADT_A01|77|P|2.5.1\r"
    b"EVN|A08|20240305\r"
    b"PID|1||12^^^CITY&1.2.3&ISO^MR~99^^^SSA^SS||BERG^EVA^^^DR||19790412|F\r"
    b"PV1|1|O\r"
)


def names(raw: bytes) -> list[str]:
    return [segment.name for segment in parse(raw).segments]


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r", b"\n\n"])
def test_segments_end_by_cr_or_lf_or_both(end: bytes) -> None:
    message = parse(ADT.replace(b"\r", end))
    assert [segment.name for segment in message.segments] == ["MSH", "EVN", "PID", "PV1"]
    assert message.warnings == ()


def test_the_last_segment_needs_no_end() -> None:
    assert parse(ADT.rstrip()).segments[-1].value(2) == "O"


@pytest.mark.parametrize("before", [b"\r\n\r\n", b"  ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n "])
def test_blanks_and_a_byte_order_mark_before_the_header_mean_nothing(before: bytes) -> None:
    assert parse(before + ADT).warnings == ()


def test_what_is_left_of_a_segment_behind_the_header_is_no_part_of_the_control_id() -> None:
    message = parse(b"MSH|^~\\&|LAB|NORTH|||20240305101500||ADT^A12|77\rTYHOSP^MR||LINDQVIST\r")
    assert message.control_id == "77"


def test_what_stands_before_the_header_is_skipped_with_a_warning() -> None:
    message = parse(b"HELLO\r\n" + ADT)
    assert message.control_id == "77"
    assert message.warnings == ("text: what stands before MSH was skipped",)


def test_marks_of_a_frame_around_the_message_are_no_part_of_it() -> None:
    message = parse(b"\x0b" + ADT + b"\x1c\r")
    assert [segment.name for segment in message.segments] == ["MSH", "EVN", "PID", "PV1"]


def test_what_follows_the_end_of_the_frame_is_skipped_with_a_warning() -> None:
    message = parse(ADT + b"\x1c\rrubbish")
    assert len(message.segments) == 4
    assert message.warnings == ("text: what follows the end of the frame was skipped",)


def test_a_line_break_within_a_text_stays_in_it() -> None:
    message = parse(ADT + b"OBX|1|TX|1^A||first line\nsecond line|x\rNTE|1||ok\r")
    (result,) = message.every("OBX")
    assert (result.value(5), result.value(6)) == ("first line\nsecond line", "x")
    assert message.warnings == ("text: lines that begin no segment were joined to the segment before",)


def test_indented_and_lower_case_segment_names_are_understood() -> None:
    assert names(ADT.replace(b"\r", b"\r\n  ").replace(b"PV1", b"pv1")) == ["MSH", "EVN", "PID", "PV1"]


def test_a_segment_without_fields_is_one() -> None:
    assert names(ADT + b"PV2\r") == ["MSH", "EVN", "PID", "PV1", "PV2"]


def test_own_delimiters_are_used_throughout() -> None:
    message = parse(ADT.translate(bytes.maketrans(b"|^~\\&", b"#$%/@")))
    person = message.first("PID")
    assert person is not None
    assert (person.value(3, 4, 2), person.value(3, repetition=2), person.value(5, 2)) == ("1.2.3", "99", "EVA")


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"HELLO", b"PID|1\r", b"\0" * 10, b"M", b"\xff\xfe", b"<ClinicalDocument/>"]
)
def test_text_without_header_is_an_error(raw: bytes) -> None:
    with pytest.raises(Er7Error) as caught:
        parse(raw)
    assert (caught.value.code, caught.value.segment) == ("100", "MSH")


def test_several_messages_are_not_read_as_one() -> None:
    with pytest.raises(Er7Error, match="several messages"):
        parse(ADT + ADT)


def test_a_header_that_is_all_there_is_is_a_message() -> None:
    assert parse(b"MSH|^~\\&").control_id == ""


def test_utf_16_is_read_to_its_end_mark() -> None:
    assert names(ADT.decode().encode("utf-16-le")) == ["MSH", "EVN", "PID", "PV1"]


@given(st.binary(max_size=400))
@example(b"MSH|^~\\&|\x1b$B")
@example("MSH|^~\\&\ud800".encode("utf-16-le", "surrogatepass"))
def test_no_bytes_bring_it_down(raw: bytes) -> None:
    read_all(raw)


@given(st.integers(0, len(ADT)), st.integers(0, 40), st.binary(max_size=20))
def test_no_mutation_of_a_message_brings_it_down(start: int, length: int, put: bytes) -> None:
    read_all(ADT[:start] + put + ADT[start + length :])


def read_all(raw: bytes) -> None:
    """Read whatever can be read; every populated place has a value there."""
    try:
        message = parse(raw)
    except Er7Error:
        return
    assert isinstance(message.type + message.trigger + message.version + "".join(message.sender), str)
    for segment in message.segments:
        for field, repetition, component, subcomponent in segment.populated():
            assert isinstance(segment.value(field, component, subcomponent, repetition), str)
            assert segment.repetitions(field)[repetition - 1]
