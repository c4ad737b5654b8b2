r"""Bytes to text in the character set that MSH-18 declares, or the nearest that can be read.

A message that declares nothing, or something wrong, is still read: as UTF-8 if it is that, else as Windows-1252, with
a warning. Escapes between character sets, as ESC sequences of ISO 2022 or as \Cxxyy\ and \Mxxyyzz\, are followed to the
end of the segment.

Spec: https://terminology.hl7.org/CodeSystem-v2-0211.html
"""

import re
from dataclasses import dataclass
from typing import Final

from hl7_bridge.er7.delimiters import CONTROLS

_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be"),
                (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))  # fmt: skip
_WIDE: Final = ((b"\0\0\0M", "utf-32-be"), (b"M\0\0\0", "utf-32-le"), (b"\0M", "utf-16-be"), (b"M\0", "utf-16-le"))

_NAMES: Final = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "ISOIR6": "ascii",
    "88591": "iso8859-1",
    "88592": "iso8859-2",
    "88593": "iso8859-3",
    "88594": "iso8859-4",
    "88595": "iso8859-5",
    "88596": "iso8859-6",
    "88597": "iso8859-7",
    "88598": "iso8859-8",
    "88599": "iso8859-9",
    "885910": "iso8859-10",
    "885913": "iso8859-13",
    "885914": "iso8859-14",
    "885915": "iso8859-15",
    "LATIN1": "iso8859-1",
    "UNICODE": "utf-8",
    "UTF8": "utf-8",
    "UTF16": "utf-16",
    "UTF32": "utf-32",
    "BIG5": "big5",
    "GB18030": "gb18030",
    "GB180302000": "gb18030",
    "GB2312": "gb18030",
    "GBK": "gb18030",
    "KSX1001": "euc-kr",
    "EUCKR": "euc-kr",
    "EUCJP": "euc-jp",
    "SHIFTJIS": "cp932",
    "SJIS": "cp932",
    "ISOIR13": "cp932",
    "ISOIR14": "ascii",
    "ISOIR87": "iso2022_jp_2",
    "ISOIR159": "iso2022_jp_2",
    "2022JP": "iso2022_jp_2",
    "KOI8R": "koi8-r",
} | {f"{maker}{number}": f"cp{number}" for maker in ("WINDOWS", "CP") for number in range(1250, 1259)}  # fmt: skip
"""Python's codecs of table HL70211, and of what senders write instead, without blanks, hyphens and "ISO"."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text, without byte order mark and control characters; the codec that read it; what was odd."""

    text: str
    charset: str
    warnings: tuple[str, ...]


def decode(raw: bytes, configured: str | None = None) -> Decoded:
    """Return the text of a message; `configured` names the character set of a sender that declares none."""
    if raw.isascii() and b"\0" not in raw:
        return _ascii(raw, configured)
    for mark, charset in _BOMS:
        if raw.startswith(mark):
            return _wide(raw[len(mark) :], charset)
    for start, charset in _WIDE:
        if raw.lstrip(b"\x0b\r\n ").startswith(start):
            return _wide(raw, charset)
    return _narrow(raw, configured)


def _ascii(raw: bytes, configured: str | None) -> Decoded:
    if b"\x1b" in raw or _ESCAPED_SWITCH.search(raw):
        return _narrow(raw, configured)
    kept = raw.translate(None, CONTROLS)
    declared = _declared(kept)
    charset, warnings = _codec(declared or configured)
    if charset.startswith(("utf-16", "utf-32")):
        charset, warnings = "ascii", (_MISMATCH,)
    return Decoded(kept.decode("ascii"), charset, warnings + _removed(raw, kept))


_MISMATCH: Final = "MSH-18: the text is not in the character set that is declared"


def _wide(raw: bytes, charset: str) -> Decoded:
    text = raw.decode(charset, errors="replace")
    kept = text.translate(dict.fromkeys((*CONTROLS, 0x1B)))
    odd = ("text: characters that cannot be read were replaced",) if "�" in text else ()
    return Decoded(kept, charset, odd + _removed(text, kept))


def _narrow(raw: bytes, configured: str | None) -> Decoded:
    kept = raw.translate(None, CONTROLS)
    declared = _declared(kept)
    charset, unknown = _codec(declared or configured)
    switched = _switching(kept)
    kept = switched[0][1] if len(switched) == 1 else kept
    if len(switched) > 1:
        text = "".join(_run(switch, run, charset) for switch, run in switched)
        return Decoded(text, charset, unknown + _removed(raw, kept))
    for candidate in _candidates(charset, kept, configured):
        try:
            text = kept.decode(candidate)
        except UnicodeDecodeError:
            continue
        odd = (_MISMATCH,) if candidate != charset and (declared or charset != "ascii") else ()
        return Decoded(text, candidate, unknown + odd + _removed(raw, kept))
    return Decoded(kept.decode("latin-1"), "latin-1", (*unknown, _MISMATCH, *_removed(raw, kept)))


def _candidates(charset: str, raw: bytes, configured: str | None) -> tuple[str, ...]:
    if charset == "iso8859-1" and _C1.search(raw):
        return "cp1252", charset
    if charset.startswith(("utf-16", "utf-32")):
        charset = "utf-8"
    return charset, *((_codec(configured)[0],) if configured else ()), "utf-8", "cp1252"


_C1: Final = re.compile(rb"[\x80-\x9f]")
"""Bytes that are control characters in ISO 8859-1, and quotation marks in what is really Windows-1252."""


def _removed(before: bytes | str, after: bytes | str) -> tuple[str, ...]:
    return () if len(before) == len(after) else ("text: control characters were removed",)


def _codec(name: str | None) -> tuple[str, tuple[str, ...]]:
    if not name:
        return "ascii", ()
    known = _NAMES.get(re.sub(r"^(ISO(?!IR)|UNICODE(?=U))|[ _/.-]", "", name.upper().replace(" ", "")))
    return (known, ()) if known else ("ascii", ("MSH-18: the character set is not known",))


def _declared(raw: bytes) -> str:
    """Return the first repetition of MSH-18, read from the bytes of a character set that ASCII is part of."""
    start = raw.find(b"MSH")
    separator = raw[start + 3 : start + 4]
    if start < 0 or not separator or separator in b"\r\n":
        return ""
    end = _SEGMENT_END.search(raw, start)
    fields = raw[start : end.start() if end else len(raw)].split(separator, 18)
    repetition = fields[1][1:2] if len(fields) > 1 else b""
    value = fields[17] if len(fields) > 17 else b""
    return (value.split(repetition)[0] if repetition else value).decode("latin-1").strip()


_SEGMENT_END: Final = re.compile(rb"[\r\n]")
_ESCAPED_SWITCH: Final = re.compile(rb"\\[CM]((?:[0-9A-Fa-f]{2}){2,3})\\")
_SWITCH: Final = re.compile(rb"\x1b(\$[@AB]|\$?[()*+.,-][@-Z])|([\r\n])")
_SETS: Final = {
    b"-A": "iso8859-1",
    b"-B": "iso8859-2",
    b"-C": "iso8859-3",
    b"-D": "iso8859-4",
    b"-L": "iso8859-5",
    b"-G": "iso8859-6",
    b"-F": "iso8859-7",
    b"-H": "iso8859-8",
    b"-M": "iso8859-9",
    b")I": "cp932",
    b"$)C": "euc-kr",
    b"$)A": "gb18030",
    b"(B": "",
    b"(J": "",
}
"""Designations of ISO 2022 that Python's codecs of that name do not follow; "" returns to the message's own."""


def _switching(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Cut where another character set begins: (designation, or "" for the message's own, bytes)."""
    if b"\x1b" not in raw and b"\\C" not in raw and b"\\M" not in raw:
        return [(b"", raw)]
    raw = _ESCAPED_SWITCH.sub(lambda match: b"\x1b" + bytes.fromhex(match[1].decode("ascii")), raw)
    runs, start, switch = [], 0, b""
    for match in _SWITCH.finditer(raw):
        if match[2] and not switch:
            continue
        runs.append((switch, raw[start : match.start()]))
        start = match.start() if match[2] else match.end()
        switch = match[1] or b""
    return [*runs, (switch, raw[start:].replace(b"\x1b", b""))]


def _run(switch: bytes, run: bytes, own: str) -> str:
    run = run.replace(b"\x1b", b"")
    if switch.startswith(b"$") and switch not in _SETS:
        # Two bytes a character, as Japanese senders write them: Python follows that from the designation on.
        return (b"\x1b" + switch + run + b"\x1b(B").decode("iso2022_jp_2", errors="replace").replace("\x1b", "")
    codec = _SETS.get(switch) or own.replace("iso2022_jp_2", "ascii")
    return run.decode(codec, errors="replace")
