"""Replies to orders: each ORC comes back with what became of it.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 4, ORC-1 order control)
"""

from collections.abc import Collection
from typing import Final

from hl7_bridge.ack.reply import Reply
from hl7_bridge.er7 import Message, Writer

_REPLIES: Final = {
    ("ORM", "O01"): ("ORR", "O02", "ORR_O02", frozenset({"OBR"})),
    ("OML", "O21"): ("ORL", "O22", "ORL_O22", frozenset({"OBR"})),
    ("OML", "O33"): ("ORL", "O34", "ORL_O34", frozenset({"OBR", "SPM"})),
    ("OML", "O35"): ("ORL", "O36", "ORL_O36", frozenset({"OBR", "SPM", "SAC"})),
    ("OMG", "O19"): ("ORG", "O20", "ORG_O20", frozenset({"OBR"})),
    ("OMP", "O09"): ("ORP", "O10", "ORP_O10", frozenset()),
    ("RDE", "O11"): ("RRE", "O12", "RRE_O12", frozenset()),
    ("RDE", "O25"): ("RRE", "O26", "RRE_O12", frozenset()),
    ("RDS", "O13"): ("RRD", "O14", "RRD_O14", frozenset()),
    ("RAS", "O17"): ("RRA", "O18", "RRA_O18", frozenset()),
}
"""Type and event of an order → type, event and structure of its reply, and the segments that it repeats beside ORC."""

_CODES: Final = {
    "NW": ("OK", "UA"),
    "CA": ("CR", "UC"),
    "DC": ("DR", "UD"),
    "HD": ("HR", "UH"),
    "RL": ("OE", "UR"),
    "RP": ("RQ", "UM"),
    "XO": ("XR", "UX"),
    "RF": ("AF", "DF"),
}
"""Order control → what the reply says when it was done, and when it could not be."""


def order_reply(message: Message, *, accepted: bool, refused: Collection[int] = ()) -> Reply | None:
    """Return the reply that an order asks for: ORR, ORL, ORG, ORP, RRE, RRD or RRA; None for any other message.

    `refused` are the `sequence` numbers of the ORC segments that were not accepted among those that were.
    """
    form = _REPLIES.get((message.type, message.trigger))
    if form is None:
        return None
    kind, trigger, structure, repeated = form

    def write(writer: Writer) -> None:
        for segment in message.segments:
            if segment.name == "ORC":
                done = accepted and segment.sequence not in refused
                writer.copy(segment, {1: _code(segment.value(1), done=done)})
            elif segment.name in repeated or (segment.name == "PID" and segment.sequence == 1):
                writer.copy(segment)

    return Reply(kind, trigger, structure, write)


def _code(control: str, *, done: bool) -> str:
    accepted, refused = _CODES.get(control, ("OK", "UA"))
    return accepted if done else refused
