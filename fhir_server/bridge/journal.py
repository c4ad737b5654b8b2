"""The bridge's Journal in the server's database, so that every worker and every server sees the same letters.

Spec: https://www.mongodb.com/docs/manual/core/index-ttl/
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from fhir_server.kernel.errors import FhirError
from fhir_server.storage.journal import Letters
from hl7_bridge.ports import Letter, Reason, Unavailable

KEPT = timedelta(days=30)
"""How long a processed message stays; after that the resource that holds it still tells that it was processed."""


class MongoJournal:
    """Letters as documents."""

    def __init__(self, letters: Letters, clock: Callable[[], datetime]) -> None:
        self._letters = letters
        self._clock = clock

    async def save(self, letter: Letter) -> Letter | None:
        try:
            if await self._letters.insert(_document(letter)):
                return None
            stored = await self._letters.get(letter.id)
        except FhirError as error:
            raise Unavailable(str(error)) from None
        return None if stored is None else _letter(stored)

    async def done(self, id_: str, ack: bytes) -> None:
        values = {"state": "done", "ack": ack, "code": "", "place": "", "text": "", "expires": self._clock() + KEPT}
        await self._change(id_, values, durable=False)

    async def dead(self, id_: str, ack: bytes, reason: Reason) -> None:
        values = {"state": "dead", "ack": ack, "code": reason.code, "place": reason.place, "text": reason.text}
        await self._change(id_, values, durable=True)

    async def get(self, id_: str) -> Letter | None:
        stored = await self._letters.get(id_)
        return None if stored is None else _letter(stored)

    async def dead_letters(self, *, sender: str | None = None, limit: int = 100) -> Sequence[Letter]:
        return [_letter(stored) for stored in await self._letters.dead(sender=sender, limit=limit)]

    async def edit(self, id_: str, raw: bytes) -> bool:
        return await self._letters.edit(id_, {"raw": raw, "edited": True})

    async def left(self, age: timedelta) -> Letter | None:
        """Return a letter that came so long ago and is still not processed; nobody gets it again for as long.

        Errors: Unavailable
        """
        now = self._clock()
        try:
            stored = await self._letters.take_left(now - age, now)
        except FhirError as error:
            raise Unavailable(str(error)) from None
        return None if stored is None else _letter(stored)

    async def _change(self, id_: str, values: Mapping[str, Any], *, durable: bool) -> None:
        try:
            await self._letters.change(id_, values, durable=durable)
        except FhirError as error:
            raise Unavailable(str(error)) from None


def _document(letter: Letter) -> dict[str, Any]:
    return {
        "_id": letter.id,
        "state": letter.state,
        "sender": letter.sender,
        "control_id": letter.control_id,
        "type": letter.type,
        "digest": letter.digest,
        "raw": letter.raw,
        "received": letter.received,
    }


def _letter(stored: Mapping[str, Any]) -> Letter:
    code = stored.get("code")
    return Letter(
        id=stored["_id"],
        sender=stored["sender"],
        control_id=stored["control_id"],
        type=stored["type"],
        digest=stored["digest"],
        raw=stored["raw"],
        received=stored["received"],
        state=stored["state"],
        ack=stored.get("ack", b""),
        reason=Reason(code, stored.get("place", ""), stored.get("text", "")) if code else None,
        edited=stored.get("edited", False),
    )
