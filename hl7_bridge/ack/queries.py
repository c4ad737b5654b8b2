"""Replies to queries by parameter: the query comes back with how many were found, and what.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 5, query by parameter)
"""

from collections.abc import Callable
from typing import Final, Literal

from hl7_bridge.ack.reply import Reply
from hl7_bridge.er7 import Message, Writer

_REPLIES: Final = {
    "Q11": ("K11", "RSP_K11"),
    "Q21": ("K21", "RSP_K21"),
    "Q22": ("K22", "RSP_K22"),
    "Q23": ("K23", "RSP_K23"),
    "Q24": ("K24", "RSP_K23"),
}


def query_reply(
    message: Message,
    status: Literal["OK", "NF", "AE", "AR"],
    hits: int | None = None,
    rows: Callable[[Writer], None] | None = None,
) -> Reply | None:
    """Return the RSP that a QBP asks for; None for any other message.

    Shape: `status` of table HL70208 (OK, NF nothing found, AE, AR); `hits` is how many; `rows` adds their segments
    """
    form = _REPLIES.get(message.trigger) if message.type == "QBP" else None
    query = message.first("QPD")
    if form is None or query is None:
        return None

    def write(writer: Writer) -> None:
        count = "" if hits is None else str(hits)
        tag = query.value(2)
        writer.segment("QAK", {1: tag, 2: status, 3: tuple(query.value(1, part) for part in (1, 2, 3)), 4: count})
        writer.copy(query)
        if rows:
            rows(writer)

    return Reply("RSP", *form, write)
