"""Bytes to a message: separators of any kind, and whatever can be read in spite of its faults.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message construction)
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from hl7_bridge.er7.charset import decode
from hl7_bridge.er7.delimiters import Delimiters, read_delimiters
from hl7_bridge.er7.errors import SEQUENCE_ERROR, Er7Error
from hl7_bridge.er7.message import Dialect, Message, Segment

_HEADER: Final = re.compile(r"(?:^|[\r\n])[ \t\ufeff]*(?=MSH)")
_AROUND: Final = "\r\n \t\x1a\ufeff"


def parse(raw: bytes, *, charset: str | None = None) -> Message:
    """Return the message that the bytes hold.

    Shape:  terminators CR, LF or both; blank lines, and anything before MSH, are skipped
    Errors: Er7Error when there is no MSH, or its delimiters cannot be told apart, or a second MSH follows
    Odd:    what had to be put right is named in `warnings`; lines that begin no segment belong to the one before
    `charset` names the character set of a sender that declares none in MSH-18.
    """
    decoded = decode(raw, charset)
    warnings = list(decoded.warnings)
    text = _from_header(_framed(decoded.text, warnings), warnings)
    delimiters = read_delimiters(text)
    dialect = _dialect(delimiters, decoded.charset)
    return Message(_segments(text, dialect, warnings), dialect, raw, tuple(warnings))


@lru_cache(maxsize=64)
def _dialect(delimiters: Delimiters, charset: str) -> Dialect:
    return Dialect(delimiters, charset)


def _framed(text: str, warnings: list[str]) -> str:
    """Return what stands before the end mark of a frame."""
    if "\x1c" not in text:
        return text
    body, _, rest = text.partition("\x1c\r")
    if rest.strip(_AROUND + "\x1c"):
        warnings.append("text: what follows the end of the frame was skipped")
    return body.replace("\x1c", "")


def _from_header(text: str, warnings: list[str]) -> str:
    if text.startswith("MSH"):
        return text.rstrip(_AROUND)
    header = _HEADER.search(text)
    if header is None:
        raise Er7Error(SEQUENCE_ERROR, "there is no MSH segment", segment="MSH")
    if text[: header.start()].strip(_AROUND):
        warnings.append("text: what stands before MSH was skipped")
    return text[header.end() :].rstrip(_AROUND)


def _segments(text: str, dialect: Dialect, warnings: list[str]) -> tuple[Segment, ...]:
    lines: Iterable[str] = text.split("\r")
    if "\n" in text or not all(map(_begins(dialect.field), lines)):
        lines = _joined(text, dialect.field, warnings)
    counts: dict[str, int] = {}
    found = []
    for place, line in enumerate(lines):
        name = line[:3].upper()
        number = counts[name] = counts.get(name, 0) + 1
        found.append(Segment(line, name, dialect, place, number))
    if counts["MSH"] > 1:
        raise Er7Error(SEQUENCE_ERROR, "a second MSH segment: these are several messages", segment="MSH")
    return tuple(found)


_LINE: Final = re.compile(r"\r\n?|\n")


def _joined(text: str, separator: str, warnings: list[str]) -> list[str]:
    """Return one line a segment: blank ones left out, those that begin no segment joined to the one before."""
    begins = _begins(separator)
    lines: list[str] = []
    continued = False
    for line in _LINE.split(text):
        if not line or line.isspace():
            continue
        if begins(line):
            lines.append(line)
        elif begins(line.lstrip()):
            lines.append(line.lstrip())
        else:
            # An unescaped line break within a text: kept as one.
            lines[-1] += "\n" + line
            continued = True
    if continued:
        warnings.append("text: lines that begin no segment were joined to the segment before")
    return lines


@lru_cache(maxsize=64)
def _begins(separator: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(f"[A-Za-z][A-Za-z0-9]{{2}}(?:{re.escape(separator)}|$)").match
