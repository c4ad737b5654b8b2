"""Dead letters: what could not be processed waits for a person, who reads, corrects and replays it.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, error handling)
"""

from collections.abc import Sequence
from typing import Any

from hl7_bridge.er7 import Er7Error, parse
from hl7_bridge.inbound.pipeline import Inbound, Taken
from hl7_bridge.ports import Letter


class DeadLetters:
    """The messages that wait for a person."""

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound

    async def all(self, *, sender: str | None = None, limit: int = 100) -> Sequence[Letter]:
        """Return them, the oldest first; `sender` is "MSH-3|MSH-4"."""
        return await self._inbound.journal.dead_letters(sender=sender, limit=limit)

    async def get(self, id_: str) -> Letter | None:
        """Return one; None when it does not wait (any more)."""
        letter = await self._inbound.journal.get(id_)
        return letter if letter is not None and letter.state == "dead" else None

    async def edit(self, id_: str, raw: bytes) -> bool:
        """Put another text in the place of a message; return False when it does not wait."""
        return await self._inbound.journal.edit(id_, raw)

    async def replay(self, id_: str) -> Taken | None:
        """Process one again, as it now stands; None when it does not wait. What fails again stays."""
        letter = await self.get(id_)
        return None if letter is None else await self._inbound.replay(letter)


def summary(letter: Letter) -> dict[str, Any]:
    """Return what a list shows of a letter: nothing of its content."""
    reason = letter.reason
    return {
        "id": letter.id,
        "sender": letter.sender,
        "type": letter.type,
        "controlId": letter.control_id,
        "received": letter.received.isoformat(),
        "bytes": len(letter.raw),
        "edited": letter.edited,
        "code": reason.code if reason else "",
        "place": reason.place if reason else "",
        "reason": reason.text if reason else "",
    }


def readable(letter: Letter) -> str:
    """Return the text of a letter for a person, one segment a line; what cannot be decoded is shown as it can."""
    try:
        charset = parse(letter.raw).charset
    except Er7Error:
        charset = "utf-8"
    return letter.raw.decode(charset, errors="backslashreplace").replace("\r\n", "\n").replace("\r", "\n")
