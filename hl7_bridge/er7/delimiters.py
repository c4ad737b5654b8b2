r"""Delimiters of one message, and the escape sequences that stand for them.

    \F\ \S\ \T\ \R\ \E\ \P\  the delimiters themselves      \Xdd…\  bytes in the character set of the message
    \.br\ \.sp+2\ \.sk 3\    line breaks and blanks          \H\ \N\  highlighting, which is dropped
    \Zdd…\ and unknown ones stay as they are, since nobody may guess what they mean.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, use of escape sequences)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hl7_bridge.er7.errors import DATA_TYPE_ERROR, REQUIRED_FIELD_MISSING, Er7Error

CONTROLS: Final = bytes(code for code in range(32) if code not in b"\t\n\r\x1b\x1c")
"""What no text may hold, in FHIR neither; but ESC, of the character sets of ISO 2022, and FS, which ends a frame."""

_NO_CONTROLS: Final = {code: None for code in range(32) if code not in b"\t\n\r"}


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The characters that part a message, as MSH-1 and MSH-2 declare them; `truncation` since version 2.7, or ""."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape_character: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return f"{self.component}{self.repetition}{self.escape_character}{self.subcomponent}{self.truncation}"

    def escape(self, text: str) -> str:
        """Return the text with every delimiter, line break and control character as an escape sequence."""
        if not text:
            return text
        if text.isalnum():
            return text
        return text.translate(_escapes(self))

    def unescape(self, text: str, charset: str = "utf-8") -> str:
        """Return the text that escape sequences stand for; `charset` is Python's name of the message's."""
        if not self.escape_character or self.escape_character not in text:
            return text
        return unescaper(self, charset)(text)


STANDARD: Final = Delimiters()


def read_delimiters(header: str) -> Delimiters:
    """Return the delimiters that a header segment (MSH, FHS, BHS) declares.

    Errors: Er7Error naming field 1 or 2 when they are absent or cannot be told apart
    """
    name, field = header[:3], header[3:4]
    if not field or field.isalnum() or field.isspace():
        raise Er7Error(REQUIRED_FIELD_MISSING, "the field separator is missing", segment=name, field=1)
    characters = header[4:].split(field, 1)[0]
    if not characters.strip() or characters[0] == " ":
        raise Er7Error(REQUIRED_FIELD_MISSING, "the encoding characters are missing", segment=name, field=2)
    # A space is what some senders write for a delimiter that they do not use.
    used = characters.replace(" ", "")
    distinct = len(set(used)) == len(used) and len(characters) <= 5
    if not distinct or any(c.isalnum() or ord(c) < 32 for c in used):
        raise Er7Error(DATA_TYPE_ERROR, "the encoding characters cannot be told apart", segment=name, field=2)
    return _with_defaults(field, characters)


def _with_defaults(field: str, characters: str) -> Delimiters:
    """Fill what a short MSH-2 leaves open with the standard's characters, unless they are taken."""
    given = characters.ljust(5)
    taken = set(field + characters)
    component, repetition, escape, subcomponent = (
        own if own != " " else default if index >= len(characters) and default not in taken else ""
        for index, (own, default) in enumerate(zip(given[:4], "^~\\&", strict=True))
    )
    return Delimiters(field, component, repetition, escape, subcomponent, given[4].strip())


@lru_cache(maxsize=64)
def _escapes(delimiters: Delimiters) -> dict[int, str | None]:
    mark = delimiters.escape_character
    sequences: dict[int, str | None] = dict(_NO_CONTROLS)
    named = _names(delimiters)
    if not mark:
        return sequences | dict.fromkeys(map(ord, [*named.values(), "\n", "\r"]), " ")
    sequences |= {ord(character): f"{mark}{name}{mark}" for name, character in named.items() if character}
    return sequences | {ord("\n"): f"{mark}.br{mark}", ord("\r"): f"{mark}X0D{mark}"}


def _names(delimiters: Delimiters) -> dict[str, str]:
    named = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape_character,
        "P": delimiters.truncation,
    }
    return {name: character for name, character in named.items() if character}


@lru_cache(maxsize=256)
def unescaper(delimiters: Delimiters, charset: str) -> Callable[[str], str]:
    """Return the function that replaces the escape sequences of a text that has some."""
    mark = re.escape(delimiters.escape_character)
    sequence = re.compile(f"{mark}([^{mark}]{{1,4096}}){mark}")
    fixed = _names(delimiters) | {"H": "", "N": ""}

    def meaning(match: re.Match[str]) -> str:
        body = match[1]
        known = fixed.get(body)
        if known is not None:
            return known
        read = _bytes(body, charset) if body[0] == "X" else _formatting(body) if body[0] == "." else None
        return match[0] if read is None else read

    return lambda text: sequence.sub(meaning, text)


def _bytes(body: str, charset: str) -> str | None:
    try:
        data = bytes.fromhex(body[1:])
    except ValueError:
        return None
    for codec in (charset, "utf-8"):
        try:
            return data.decode(codec).translate(_NO_CONTROLS)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1").translate(_NO_CONTROLS)


_COMMAND: Final = re.compile(r"\.([a-z]{2}) ?([+-]?\d{1,3})?")
_COMMANDS: Final = {"br": "\n", "sp": "\n", "ce": "\n", "sk": " ", "fi": "", "nf": "", "in": "", "ti": ""}


def _formatting(body: str) -> str | None:
    """Return the line breaks or blanks of a formatting command; those of indentation and filling have none."""
    match = _COMMAND.fullmatch(body)
    if match is None or match[1] not in _COMMANDS:
        return None
    return _COMMANDS[match[1]] * abs(int(match[2] or 1))
