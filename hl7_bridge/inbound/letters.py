"""Who a message is: what makes two arrivals the same message, and the name under which the journal keeps it.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, MSH-10)
"""

import re
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from hl7_bridge.er7 import Message
from hl7_bridge.ports import Letter

_LENGTH = 32
_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?")


def digest_of(raw: bytes) -> str:
    """Return the fingerprint of a body: line ends at its end do not count, since transports add and drop them."""
    return sha256(raw.strip(b"\r\n\x1c\x0b")).hexdigest()


def letter_of(raw: bytes, message: Message | None, received: datetime) -> Letter:
    """Return a message that just arrived as a letter; `message` is None when it cannot be read.

    Shape: the same sender (MSH-3, MSH-4) and control id give the same letter id; without a control id the body does
    """
    digest = digest_of(raw)
    sender, control_id, type_ = "", "", ""
    if message is not None:
        sender = "|".join(message.sender)
        control_id = message.control_id
        named = "^".join(part for part in (message.type, message.trigger) if part)
        # In a header whose fields are mixed up a patient's name may stand there, and types are logged.
        type_ = named if _TYPE.fullmatch(named) else ""
    return Letter(
        id=_id(sender, control_id) if control_id else _id(digest),
        sender=sender,
        control_id=control_id,
        type=type_,
        digest=digest,
        raw=raw,
        received=received,
    )


def other_body(letter: Letter) -> Letter:
    """Return a letter whose sender used its control id before, for another body, under an id of its own."""
    return replace(letter, id=_id(letter.sender, letter.control_id, letter.digest))


def _id(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
