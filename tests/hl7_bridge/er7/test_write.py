"""Building messages."""

from hypothesis import given
from hypothesis import strategies as st

from hl7_bridge.er7 import STANDARD, Delimiters, Repeated, Writer, parse

OWN = Delimiters("#", "$", "%", "/", "@")
WORD = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=6)


def written(delimiters: Delimiters = STANDARD) -> Writer:
    writer = Writer(delimiters)
    writer.segment("MSH", {3: "LAB", 9: ("ADT", "A08"), 10: "1", 11: "P", 12: "2.5.1"})
    return writer


def test_fields_stand_at_their_numbers() -> None:
    writer = written()
    writer.segment(
        "PID", {1: "1", 3: Repeated([("12", "", "", ("CITY", "1.2", "ISO"), "MR"), "99"]), 5: ("A|B", "", "")}
    )
    assert writer.text() == ("MSH|^~\\&|LAB||||||ADT^A08|1|P|2.5.1\rPID|1||12^^^CITY&1.2&ISO^MR~99||A\\F\\B\r")


def test_a_segment_without_content_is_its_name() -> None:
    writer = Writer()
    writer.segment("PV2", {})
    writer.segment("PV1", {2: ""})
    assert writer.text() == "PV2\rPV1\r"


def test_segment_is_copied_as_it_was_sent() -> None:
    source = parse(b"MSH|^~\\&|A\rORC|NW|1^LAB\\T\\X~2\rOBX|1|TX|||a\nb\r")
    writer = Writer(source.delimiters)
    for segment in source.segments[1:]:
        writer.copy(segment)
    assert writer.text() == "ORC|NW|1^LAB\\T\\X~2\rOBX|1|TX|||a\\.br\\b\r"


def test_what_a_character_set_lacks_becomes_a_question_mark() -> None:
    writer = Writer()
    writer.segment("NTE", {3: "Ωü"})
    assert writer.bytes("iso8859-1") == b"NTE|||?\xfc\r"
    assert writer.bytes() == "NTE|||Ωü\r".encode()


@given(st.lists(st.lists(st.lists(WORD, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_is_written_is_read_back_in_any_delimiters(repetitions: list[list[list[str]]]) -> None:
    for delimiters in (STANDARD, OWN):
        writer = written(delimiters)
        writer.segment("ZZZ", {4: Repeated(repetitions)})
        (segment,) = parse(writer.bytes()).every("ZZZ")
        for r, one in enumerate(repetitions, 1):
            for c, parts in enumerate(one, 1):
                assert [segment.value(4, c, s, r) for s in range(1, len(parts) + 1)] == parts
