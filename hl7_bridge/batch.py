"""Files of many messages, with or without the FHS, BHS, BTS and FTS segments around them, read as a stream.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, batch protocol)
"""

import codecs
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from hl7_bridge.framing import LIMIT

_DIGITS: Final = 18
_READ: Final = 65_536
_ENVELOPE: Final = frozenset({b"FHS", b"BHS", b"BTS", b"FTS"})
_AROUND: Final = b"\x0b\x1c\xef\xbb\xbf \t"
_WIDE: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"M\0": "utf-16-le", b"\0M": "utf-16-be"}


class BatchError(Exception):
    """A file was not all messages; `problems` say in what, after all messages were yielded."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def messages(stream: BinaryIO, *, limit: int = LIMIT) -> Iterator[bytes]:
    """Yield the messages of a file, holding one at a time; those longer than `limit` bytes are skipped.

    Shape:  segments end by CR, LF or both; frames of MLLP around messages, and UTF-16, are understood
    Errors: BatchError, when all is read: no message, a message over the limit, text outside of messages, a batch
            trailer (BTS-1, FTS-1) that counts other than what came
    """
    envelope = _Envelope()
    problems: list[str] = []
    current: list[bytes] = []
    size = outside = 0
    for line in _lines(_decoded(stream), limit):
        begun = line.lstrip(_AROUND)
        name = begun[:3] if _is_segment(begun) else b""
        if name == b"MSH" or name in _ENVELOPE:
            yield from _whole(current, size, limit, problems)
            current, size = [], 0
            envelope.count(name, begun)
        if name == b"MSH" or (size and name not in _ENVELOPE):
            size += len(begun)
            # What is over the limit is counted, not kept.
            if size <= limit:
                current.append(begun)
        elif name not in _ENVELOPE and begun.strip():
            outside += 1
    yield from _whole(current, size, limit, problems)
    if outside:
        problems.append(f"{outside} lines of text outside of messages")
    problems += envelope.problems()
    if problems:
        raise BatchError(problems)


def _whole(current: list[bytes], size: int, limit: int, problems: list[str]) -> Iterator[bytes]:
    if size > limit:
        problems.append(f"a message of {size} bytes was skipped: the limit is {limit}")
    elif current:
        yield b"".join(current).rstrip(b"\x1c\r\n \t") + b"\r"


def _is_segment(line: bytes) -> bool:
    separator = line[3:4]
    return not separator or not (separator.isalnum() or separator == b" ")


def _lines(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield lines with their ends; a line over the limit comes in pieces."""
    rest = b""
    for chunk in chunks:
        lines = (rest + chunk).splitlines(keepends=True)
        whole = lines[-1].endswith((b"\r", b"\n")) or len(lines[-1]) > limit
        rest = b"" if whole else lines.pop()
        yield from lines
    if rest:
        yield rest


def _decoded(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a stream; those of UTF-16 as UTF-8."""
    first = stream.read(_READ)
    wide = _WIDE.get(first[:2])
    if wide is None:
        while first:
            yield first
            first = stream.read(_READ)
        return
    decoder = codecs.getincrementaldecoder(wide)(errors="replace")
    while first:
        if text := decoder.decode(first):
            yield text.encode()
        first = stream.read(_READ)


class _Envelope:
    """What came between the headers and trailers of batches, to compare with what they say."""

    def __init__(self) -> None:
        self._messages = 0
        self._in_batch = 0
        self._batches = 0
        self._problems: list[str] = []

    def count(self, name: bytes, line: bytes) -> None:
        match name:
            case b"MSH":
                self._messages += 1
                self._in_batch += 1
            case b"BHS":
                self._in_batch = 0
                self._batches += 1
            case b"BTS":
                self._compare("BTS-1", line, self._in_batch, "messages")
            case b"FTS":
                self._compare("FTS-1", line, self._batches, "batches")

    def problems(self) -> list[str]:
        return self._problems if self._messages else ["there is no message", *self._problems]

    def _compare(self, place: str, line: bytes, came: int, what: str) -> None:
        fields = line.strip().split(line[3:4] or b"|")
        said = fields[1].strip() if len(fields) > 1 else b""
        if said.isdigit() and (len(said) > _DIGITS or int(said) != came):
            self._problems.append(f"{place} says {said[:_DIGITS].decode()} {what}, {came} came")
