"""Bytes to text."""

import pytest

from hl7_bridge.er7.charset import decode

NAMES = {
    "8859/1": ("iso8859-1", "Müller"),
    "ISO-8859-1": ("iso8859-1", "Müller"),
    "8859/2": ("iso8859-2", "Łódź"),
    "8859/5": ("iso8859-5", "Москва"),
    "8859/7": ("iso8859-7", "Αθήνα"),
    "8859/15": ("iso8859-15", "5 €"),
    "WINDOWS-1251": ("cp1251", "Москва"),
    "UNICODE UTF-8": ("utf-8", "日本 Ω"),
    "UTF-8": ("utf-8", "日本 Ω"),
    "UTF8": ("utf-8", "日本 Ω"),
    "GB 18030-2000": ("gb18030", "北京㐀"),
    "BIG-5": ("big5", "臺北"),
    "KS X 1001": ("euc-kr", "서울"),
    "Shift_JIS": ("cp932", "表示ソ"),
    "ISO IR87": ("iso2022_jp_2", "日本語"),
}


def header(declared: str, name: str) -> str:
    return f"MSH|^~\\&|LAB|A|B|C|20240305||ADT^A08|1|P|2.5|||||SWE|{declared}\rPID|1||7||{name}\r"


@pytest.mark.parametrize(("declared", "codec", "name"), [(d, *rest) for d, rest in NAMES.items()])
def test_declared_character_set_is_read(declared: str, codec: str, name: str) -> None:
    text = header(declared, name)
    decoded = decode(text.encode(codec))
    assert (decoded.text, decoded.charset, decoded.warnings) == (text, codec, ())


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-8-sig"])
def test_wide_or_marked_unicode_is_read_with_and_without_mark(codec: str) -> None:
    text = header("UNICODE", "日本 Ω 𐍈")
    assert decode(text.encode(codec)).text == text


def test_first_of_several_declared_sets_is_the_one_in_force() -> None:
    assert decode(header("8859/1~ISO IR87", "Müller").encode("latin-1")).charset == "iso8859-1"


def test_undeclared_text_is_read_as_utf_8_if_it_is_that() -> None:
    decoded = decode(header("", "Müller").encode())
    assert ("Müller" in decoded.text, decoded.charset, decoded.warnings) == (True, "utf-8", ())


def test_undeclared_text_is_read_in_the_configured_set() -> None:
    assert "Łódź" in decode(header("", "Łódź").encode("iso8859-2"), "8859/2").text


def test_undeclared_text_in_no_unicode_is_read_as_windows_1252() -> None:
    assert "Müller’s" in decode(header("", "Müller’s").encode("cp1252")).text


@pytest.mark.parametrize("declared", ["UNICODE UTF-8", "ASCII", "UNICODE UTF-16"])
def test_text_in_another_set_than_declared_is_read_with_a_warning(declared: str) -> None:
    decoded = decode(header(declared, "Müller").encode("latin-1"))
    assert "Müller" in decoded.text
    assert decoded.warnings == ("MSH-18: the text is not in the character set that is declared",)


def test_quotation_marks_of_windows_in_what_is_declared_latin_1_are_read_with_a_warning() -> None:
    decoded = decode(header("8859/1", "Müller’s").encode("cp1252"))
    assert "Müller’s" in decoded.text
    assert len(decoded.warnings) == 1


def test_unknown_character_set_is_named_in_a_warning() -> None:
    decoded = decode(header("KLINGON", "Müller").encode())
    assert "Müller" in decoded.text
    assert "MSH-18: the character set is not known" in decoded.warnings


def test_codecs_that_are_no_character_sets_are_not_reached() -> None:
    assert "MSH-18: the character set is not known" in decode(header("unicode_escape", "\\u0041").encode()).warnings


def test_declared_utf_16_in_bytes_of_ascii_is_read_with_a_warning() -> None:
    decoded = decode(header("UNICODE UTF-16", "Muller").encode())
    assert (decoded.charset, len(decoded.warnings)) == ("ascii", 1)


def test_japanese_switched_in_by_an_escape_sequence_is_read() -> None:
    raw = header("ASCII~ISO IR87", "@").encode().replace(b"@", "山田^太郎".encode("iso2022_jp"))
    assert "||山田^太郎\r" in decode(raw).text


def test_a_delimiter_byte_within_japanese_does_not_part_a_field() -> None:
    text = header("ISO IR87", "鬼芸")
    assert decode(text.encode("iso2022_jp")).text == text


def test_character_sets_switched_by_hexadecimal_escapes_are_followed() -> None:
    raw = (
        header("ASCII", "@")
        .encode()
        .replace(b"@", b"\\M2442\\;3ED\\C2842\\ ok \\C2D46\\\xc1\xe8\xde\xed\xe1\\C2842\\!")
    )
    assert "||山田 ok Αθήνα!\r" in decode(raw).text


def test_switched_set_ends_with_the_segment() -> None:
    raw = header("8859/1", "\x1b-F@").encode().replace(b"@", b"\xc1") + b"NTE|1||\xc1\r"
    assert decode(raw).text.endswith("||Α\rNTE|1||Á\r")


def test_control_characters_are_removed_with_a_warning() -> None:
    decoded = decode(header("", "A\0B\x1bC\x07").encode())
    assert "||ABC\r" in decoded.text
    assert decoded.warnings == ("text: control characters were removed",)


def test_broken_utf_16_is_read_with_a_warning() -> None:
    decoded = decode(header("UNICODE UTF-16", "A").encode("utf-16") + b"\xd8")
    assert "text: characters that cannot be read were replaced" in decoded.warnings
