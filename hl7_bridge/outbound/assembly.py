"""A draft becomes a message: hl7apy builds it, and refuses what its version of HL7 v2 does not allow.

It takes some 50 ms a message: run it in a thread or a worker, as the queue of outgoing messages does.
Spec: https://crs4.github.io/hl7apy/tutorial/index.html#building-a-message
"""

from datetime import datetime
from typing import Any, Final

from hl7_bridge.er7 import Message, Segment, Value, Writer, parse
from hl7_bridge.outbound.draft import Draft, OutboundError
from hl7_bridge.outbound.partner import Partner
from hl7_bridge.structure import Group, arrange
from hl7_bridge.structure.validation import findings, misses_alternative, problem

CHARSET: Final = "UNICODE UTF-8"


def assemble(draft: Draft, partner: Partner, *, control_id: str, at: datetime) -> bytes:
    """Return the message in UTF-8; `control_id` is MSH-10, `at` (aware) MSH-7.

    Errors: OutboundError when segments or fields are not as the standard demands
    """
    writer = Writer()
    writer.segment("MSH", _header(draft, partner, control_id, at))
    for name, fields in draft.segments:
        writer.segment(name, fields)
    message = parse(writer.bytes())
    arrangement = arrange(message)
    if arrangement is None or arrangement.unexpected:
        odd = arrangement.unexpected[0].name if arrangement else draft.structure
        raise OutboundError(odd, "the message has no place for it")
    _approve(arrangement.root, message, draft)
    return message.raw


def _header(draft: Draft, partner: Partner, control_id: str, at: datetime) -> dict[int, Value]:
    return {
        3: partner.sender[0],
        4: partner.sender[1],
        5: partner.receiver[0],
        6: partner.receiver[1],
        7: at.strftime("%Y%m%d%H%M%S%z"),
        9: (draft.type, draft.trigger, draft.structure),
        10: control_id,
        11: partner.processing_id,
        12: draft.version,
        18: CHARSET,
    }


def _approve(root: Group, message: Message, draft: Draft) -> None:
    """Build the message with hl7apy and have it validated there.

    Its own text is not what is sent: it would escape the escapes of line breaks once more.
    """
    # Imported here: it reads its tables for a tenth of a second, which receivers of messages need not wait for.
    from hl7apy.core import Message as Hl7apyMessage  # type: ignore[import-untyped] # has no types
    from hl7apy.exceptions import HL7apyException  # type: ignore[import-untyped]

    try:
        built = Hl7apyMessage(draft.structure, version=draft.version)
        built.msh.value = message.header.er7
        for _, item in root.items[1:]:
            _put(built, item, draft)
        found = findings(built)
    except HL7apyException as error:
        raise OutboundError(draft.structure, type(error).__name__) from None
    for finding in found:
        if finding[0] == "Error" and not misses_alternative(finding, root):
            said = problem(*finding)
            raise OutboundError(said.segment or draft.structure, said.text)


def _put(parent: Any, item: Segment | Group, draft: Draft) -> None:
    if isinstance(item, Segment):
        parent.add_segment(item.name).value = item.er7
        return
    group = parent.add_group(f"{draft.structure}_{item.name}")
    for _, inner in item.items:
        _put(group, inner, draft)
