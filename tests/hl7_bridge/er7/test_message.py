"""Reading fields, repetitions, components and subcomponents."""

import pytest

from hl7_bridge.er7 import Field, Segment, parse

MESSAGE = parse(
    b"MSH|^~\\&|WARD^1.2^ISO|NORTH&X|FHIR|CITY|20240305||ADT^A08^ADT_A01|77|P|2.5.1\r"
    b"EVN|A08|20240305\r"
    b'PID|1||12^^^CITY&1.2.3&ISO^MR~99^^^SSA^SS~||""||^^^~&|A\\T\\B^C\\S\\D\r'
    b"NTE|1||one\r"
    b"NTE|2||two\r"
)
PID = MESSAGE.segments[2]


def test_header_fields_are_counted_from_the_separator() -> None:
    header = MESSAGE.header
    assert [header.value(n) for n in (1, 2, 3, 10)] == ["|", "^~\\&", "WARD", "77"]
    assert (header.field(2).value(), header.field(1).text) == ("^~\\&", "|")
    assert [one.value() for one in header.repetitions(2)] == ["^~\\&"]


def test_message_says_what_it_is() -> None:
    assert (MESSAGE.type, MESSAGE.trigger, MESSAGE.structure) == ("ADT", "A08", "ADT_A01")
    assert (MESSAGE.version, MESSAGE.control_id, MESSAGE.sender) == ("2.5.1", "77", ("WARD", "NORTH"))
    assert (MESSAGE.delimiters.encoding_characters, MESSAGE.charset) == ("^~\\&", "ascii")


def test_trigger_of_old_messages_is_read_from_the_event() -> None:
    assert parse(b"MSH|^~\\&|||||||ADT|1|P|2.1\rEVN|A04\r").trigger == "A04"
    assert parse(b"MSH|^~\\&|||||||ACK|1|P|2.1\r").trigger == ""


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((3,), "12"),
        ((3, 4), "CITY"),
        ((3, 4, 2), "1.2.3"),
        ((3, 4, 4), ""),
        ((3, 5), "MR"),
        ((3, 6), ""),
        ((3, 1, 1, 2), "99"),
        ((3, 5, 1, 2), "SS"),
        ((3, 1, 1, 3), ""),
        ((3, 1, 1, 4), ""),
        ((1, 1, 1, 2), ""),
        ((1, 1, 2), ""),
        ((1, 2), ""),
        ((8,), "A&B"),
        ((8, 2), "C^D"),
        ((4,), ""),
        ((99,), ""),
        ((5,), '""'),
    ],
)
def test_value_at_a_place(place: tuple[int, ...], expected: str) -> None:
    assert PID.value(*place) == expected


def test_repetitions_are_fields() -> None:
    assert [field.value() for field in PID.repetitions(3)] == ["12", "99", ""]
    assert [bool(field) for field in PID.repetitions(3)] == [True, True, False]
    assert [field.components for field in PID.repetitions(3)] == [5, 5, 0]
    assert (len(PID.repetitions(1)), len(PID.repetitions(2)), len(PID.repetitions(99))) == (1, 0, 0)


def test_a_field_of_delimiters_only_is_empty() -> None:
    assert not PID.field(7)
    assert not any(PID.repetitions(7))
    assert not PID.field(99)


def test_field_reads_its_components() -> None:
    field = PID.field(8)
    assert (field.value(), field.value(2), field.value(3)) == ("A&B", "C^D", "")
    assert (field.text, field.er7) == ("A&B^C^D", "A\\T\\B^C\\S\\D")


def test_null_asks_to_delete() -> None:
    assert PID.field(5).is_null
    assert not PID.field(3).is_null


def test_segments_are_found_by_name_and_know_their_place() -> None:
    assert [(s.place, s.sequence, s.value(3)) for s in MESSAGE.every("NTE")] == [(3, 1, "one"), (4, 2, "two")]
    assert MESSAGE.first("NTE") is MESSAGE.segments[3]
    assert (MESSAGE.first("ZZZ"), list(MESSAGE.every("ZZZ"))) == (None, [])


def test_populated_places_are_all_that_hold_text() -> None:
    assert list(MESSAGE.segments[3].populated()) == [(1, 1, 1, 1), (3, 1, 1, 1)]
    assert [place for place in PID.populated() if place[0] == 3] == [
        (3, 1, 1, 1), (3, 1, 4, 1), (3, 1, 4, 2), (3, 1, 4, 3), (3, 1, 5, 1), (3, 2, 1, 1), (3, 2, 4, 1), (3, 2, 5, 1),
    ]  # fmt: skip
    assert min(MESSAGE.header.populated()) == (3, 1, 1, 1)


def test_a_message_without_a_kind_of_delimiter_reads_whole_parts() -> None:
    message = parse(b"MSH|^~ &|A\rPID|1||a\\F\\b^c\r")
    (person,) = message.every("PID")
    assert (person.value(3), person.value(3, 2), person.fields) == ("a\\F\\b", "c", 3)


def test_text_forms_show_no_content() -> None:
    shown = repr(MESSAGE) + repr(PID) + repr(PID.field(3))
    assert "12" not in shown
    assert isinstance(PID, Segment)
    assert isinstance(PID.field(3), Field)
