"""Where a message departs from its grammar: segments that are missing, and such that have no place.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message structure)
"""

from collections.abc import Iterator

from hl7_bridge.ack import Problem
from hl7_bridge.er7 import Message, Segment
from hl7_bridge.structure.arrange import Group, arrange, every_group
from hl7_bridge.structure.grammar import Part


def check(message: Message) -> list[Problem]:
    """Return what is wrong with the order of a message's segments, missing ones first; nothing about their fields."""
    arrangement = arrange(message)
    if arrangement is None:
        return [Problem("200", "there is no message of this type", segment="MSH", sequence=1, field=9)]
    found = [problem for group in every_group(arrangement.root) for problem in _missing(group)]
    for segment in arrangement.unexpected:
        text = "the segment has no place here"
        found.append(Problem("100", text, segment=segment.name, sequence=segment.sequence, severity="W"))
    return found


def _missing(group: Group) -> Iterator[Problem]:
    if group.part.choice:
        return
    where = _beginning(group)
    for number, part in enumerate(group.part.parts):
        if part.least and not group.count(number) and (first := _first_required(part)):
            text = f"{first} is missing in {group.name}"
            yield Problem("100", text, segment=where.name, sequence=where.sequence)


def _beginning(group: Group) -> Segment:
    """Return the first segment of a group that came; one that came has a segment."""
    item = group.items[0][1]
    return item if isinstance(item, Segment) else _beginning(item)


def _first_required(part: Part) -> str | None:
    """Return the name of the segment that a part cannot do without."""
    if not part.parts:
        return part.name
    if part.choice:
        return " or ".join(child.name for child in part.parts)
    return next((name for child in part.parts if child.least and (name := _first_required(child))), None)
