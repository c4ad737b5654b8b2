"""What the sender of a message may rely on, read from the bytes alone: one whole acknowledgement, of this message.

Nothing here uses the bridge's own reader or writer: it judges them.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

import re
from collections.abc import Sequence
from typing import Final

_CODES: Final = frozenset({b"AA", b"AE", b"AR", b"CA", b"CE", b"CR"})
_GOOD: Final = frozenset({b"AA", b"CA"})
_SEGMENT: Final = re.compile(rb"[A-Z][A-Z0-9]{2}")
_BEGINS: Final = re.compile(rb"\x1c\x0b|\x0bMSH")
_ENDS: Final = (b"\r", b"\r\n")
_AWAY: Final = b"not available at the moment"
_FAILED: Final = b"failed on this message"


def code(answer: bytes) -> str:
    """Return MSA-1, "" when there is none."""
    return _msa(answer)[1].decode("latin-1")


def refused(answer: bytes) -> bool:
    """Return whether an answer says that the message was not accepted."""
    return _msa(answer)[1] not in _GOOD


def expected(raw: bytes) -> tuple[int, int]:
    """Return the least and the most answers that what stands in one frame may get.

    A line feed may end the header or stand in one of its fields: both readings may wish for other answers. A frame may
    begin inside of it: at a header, or where one has ended.
    """
    marks = len(_BEGINS.findall(raw))
    wishes = any(field.strip() for ends in _ENDS for field in header(raw, ends)[14:16])
    return (0 if wishes else 1), (2 if wishes else 1) * (1 + marks)


def plain(raw: bytes) -> bool:
    """Return whether a frame holds one message that gets one answer."""
    return expected(raw) == (1, 1) and b"\x0b" not in raw and b"\x1c" not in raw


def header(raw: bytes, ends: bytes) -> list[bytes]:
    """Return the fields of MSH, MSH-2 at 1; empty for what has none. `ends` are the bytes that end it."""
    start = raw.find(b"MSH")
    line = re.split(b"[" + ends + b"\x1c]", raw[start:], maxsplit=1)[0] if start >= 0 else b""
    return line.split(line[3:4]) if len(line) > 3 else []


def faults(raw: bytes, control_id: bytes, answers: Sequence[bytes]) -> list[str]:
    """Return what is wrong with the answers to a message whose MSH-10 was `control_id` before it got its faults."""
    least, most = expected(raw)
    if not least <= len(answers) <= most:
        return [f"{len(answers)} answers instead of {least} to {most}"]
    found = [fault for answer in answers for fault in _ill_formed(answer)]
    survived = raw.startswith(b"MSH|^~\\&|") and all(header(raw, ends)[9:10] == [control_id] for ends in _ENDS)
    if survived and plain(raw) and _msa(answers[0])[2] != control_id:
        found.append("the answer names another message")
    if any(_FAILED in answer for answer in answers):
        found.append("failed")
    if any(_AWAY in answer for answer in answers):
        found.append("unavailable")
    return found


def _ill_formed(answer: bytes) -> list[str]:
    segments = answer.removesuffix(b"\r").split(b"\r")
    found = []
    if not answer.startswith(b"MSH") or not answer.endswith(b"\r"):
        found.append("no message")
    if not all(_SEGMENT.fullmatch(segment[:3]) and segment[3:4] in (b"", answer[3:4]) for segment in segments):
        found.append("something that is no segment")
    if [segment[:3] for segment in segments[1:2]] != [b"MSA"] or _msa(answer)[1] not in _CODES:
        found.append("no acknowledgement")
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", answer):
        found.append("control characters")
    if refused(answer) and b"ERR" not in [segment[:3] for segment in segments]:
        found.append("no reason")
    return found


def _msa(answer: bytes) -> list[bytes]:
    lines = [line for line in answer.split(b"\r") if line.startswith(b"MSA")]
    fields = lines[0].split(answer[3:4]) if lines and len(answer) > 3 else []
    return [*fields, b"", b"", b""]
