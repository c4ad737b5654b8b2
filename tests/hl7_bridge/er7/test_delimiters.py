"""Delimiters and escape sequences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hl7_bridge.er7 import STANDARD, Delimiters, Er7Error
from hl7_bridge.er7.delimiters import read_delimiters

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=[chr(c) for c in range(32) if c not in (9, 10, 13)])
)


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"A\F\B\S\C\T\D\R\E\E\F", r"A|B^C&D~E\F"),
        (r"one\.br\two", "one\ntwo"),
        (r"one\.sp+2\two", "one\n\ntwo"),
        (r"a\.sk 3\b", "a   b"),
        (r"\.ti +4\text\.fi\\.in-2\.", "text."),
        (r"\H\bold\N\ plain", "bold plain"),
        (r"\X48656C6C6F\!", "Hello!"),
        (r"a\X0D\b", "a\rb"),
        (r"a\X00\b", "ab"),
        (r"M\XC3BC\ller", "Müller"),
        (r"\Zfe01\ kept", r"\Zfe01\ kept"),
        (r"\Q\ kept", r"\Q\ kept"),
        (r"\Xzz\ kept", r"\Xzz\ kept"),
        (r"\.unknown\ kept", r"\.unknown\ kept"),
        (r"C:\temp", r"C:\temp"),
        ("\\", "\\"),
        ("plain", "plain"),
    ],
)
def test_escape_sequence_stands_for_its_text(escaped: str, text: str) -> None:
    assert STANDARD.unescape(escaped) == text


def test_hexadecimal_escape_is_read_in_the_character_set_of_the_message() -> None:
    assert STANDARD.unescape(r"M\XFC\ller", "iso8859-1") == "Müller"
    assert STANDARD.unescape("\\X93FA\\", "cp932") == "日"


def test_hexadecimal_escape_in_no_known_character_set_is_read_as_latin_1() -> None:
    assert STANDARD.unescape("\\XFC\\", "ascii") == "ü"


@given(TEXT)
def test_what_is_escaped_is_unescaped_to_the_same(text: str) -> None:
    assert STANDARD.unescape(STANDARD.escape(text)) == text


@given(TEXT)
def test_no_delimiter_is_left_in_escaped_text(text: str) -> None:
    own = Delimiters("#", "$", "%", "/", "@", "!")
    escaped = own.escape(text)
    assert not set("#$%@!\r\n") & set(escaped)
    assert own.unescape(escaped) == text


def test_a_receiver_without_escape_character_gets_blanks_for_delimiters() -> None:
    assert Delimiters(escape_character="").escape("a|b^c") == "a b c"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("MSH|^~\\&|LAB", STANDARD),
        ("MSH$%#!@$LAB", Delimiters("$", "%", "#", "!", "@")),
        ("MSH|^~\\&#|LAB", Delimiters(truncation="#")),
        ("MSH|^|LAB", STANDARD),
        ("MSH|^~|LAB", STANDARD),
        ("MSH|&|LAB", Delimiters(component="&", subcomponent="")),
        ("MSH|^~ &|LAB", Delimiters(escape_character="")),
        ("MSH|^~\\&", STANDARD),
        ("FHS|^~\\&|LAB", STANDARD),
    ],
)
def test_header_declares_the_delimiters(header: str, expected: Delimiters) -> None:
    assert read_delimiters(header) == expected


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("MSH", 1),
        ("MSHA^~\\&", 1),
        ("MSH ^~\\&", 1),
        ("MSH|", 2),
        ("MSH||LAB", 2),
        ("MSH| :|LAB", 2),
        ("MSH|~MSH|LAB", 2),
        ("MSH|^^\\&|LAB", 2),
        ("MSH|^~\\&#$|LAB", 2),
        ("MSH|^~\\&LAB", 2),
        ("MSH|^~\x07&|LAB", 2),
    ],
)
def test_delimiters_that_cannot_be_told_apart_are_an_error_at_their_field(header: str, field: int) -> None:
    with pytest.raises(Er7Error) as caught:
        read_delimiters(header)
    assert (caught.value.segment, caught.value.field) == ("MSH", field)
