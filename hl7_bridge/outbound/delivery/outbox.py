"""The queue of outgoing messages: what waits, what was accepted, what will not be sent again by itself.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

State: TypeAlias = Literal["waiting", "accepted", "refused", "untold", "dropped"]
"""waiting: to be sent; accepted: the partner has it; refused: it said no; untold: no message can be made of it;
dropped: a person decided that it is not to be sent."""

ENDED: Final[tuple[State, ...]] = ("refused", "dropped")
"""The states from which a message may be sent again."""
OPEN: Final[tuple[State, ...]] = ("waiting", "refused", "untold")
"""The states of a message that a person may drop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one partner.

    Shape: `control_id` is MSH-10, the same for the same version of a resource and the same partner; `subject` is that
           version ("Patient/1/_history/3"); `raw` is empty and `reason` says why when it is untold; `answer` is the
           last acknowledgement
    """

    control_id: str
    partner: str
    subject: str
    queued: datetime
    raw: bytes = b""
    state: State = "waiting"
    attempts: int = 0
    reason: str = ""
    answer: bytes = b""


class Outbox(Protocol):
    """A durable queue for each partner."""

    async def put(self, partner: str, messages: Sequence[Outgoing], cursor: str) -> None:
        """Add messages, and note how far the history was read, in one step; those that it has already stay."""

    async def known(self, control_ids: Collection[str]) -> frozenset[str]:
        """Return those of the messages that it has, in whatever state."""

    async def cursor(self, partner: str) -> str | None:
        """Return how far the history was read for a partner (a FHIR instant); None when it was never."""

    async def next(self, partner: str) -> Outgoing | None:
        """Return the oldest message that waits."""

    async def note(self, message: Outgoing) -> None:
        """Keep what became of a message: its state, attempts, reason and answer."""

    async def ended(self, partner: str, state: State, limit: int = 100) -> Sequence[Outgoing]:
        """Return messages in a state, the oldest first."""

    async def partners(self) -> Sequence[str]:
        """Return the names of all partners that it has a queue for."""

    async def again(self, control_id: str) -> bool:
        """Let a message that was refused or dropped wait once more; return False when there is none."""

    async def drop(self, control_id: str) -> bool:
        """Let a message that waits, was refused or cannot be told be sent no more; return False when there is none."""
