"""What was taken from a message, and what nothing took: nothing is lost silently.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hl7_bridge.er7 import Message, Segment
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.scope import Scope

if TYPE_CHECKING:
    from hl7_bridge.mapping.rules import Rule


DELIMITERS = 0b111
"""No field, MSH-1 and MSH-2."""


def unmapped(message: Message, context: Context) -> Iterator[str]:
    """Yield the populated fields that no map took anything from: `PID-24`, or `OBX[3]-9` for the third OBX."""
    for segment in message.segments:
        taken = context.read.get(segment.place, 0) | (DELIMITERS if segment.name == "MSH" else 1)
        left = context.fields(segment) & ~taken
        while left:
            field = (left & -left).bit_length() - 1
            left &= left - 1
            if any(one and one.text.strip() for one in segment.repetitions(field)):
                number = "" if segment.sequence == 1 else f"[{segment.sequence}]"
                yield f"{segment.name}{number}-{field}"


class Trace:
    """The rules that gave something, with their role, by the place of the segment that they took it from.

    It is for those who want to know: slow, and not on the way of any message.
    """

    __slots__ = ("taken",)

    def __init__(self) -> None:
        self.taken: dict[int, list[tuple[str, Rule]]] = {}

    def run(
        self, rules: tuple[Rule, ...], role: str, segment: Segment, draft: Draft, scope: Scope, context: Context
    ) -> int:
        """Apply rules in their order; return the fields, as bits, that they took something from."""
        read = 0
        for rule in rules:
            before = state(context)
            bits = rule.run(segment, draft, scope, context)
            read |= bits
            foreign = rule.source is not None and rule.source.segment
            if state(context) != before or (rule.source is not None and bits):
                source = scope.segment(rule.source.segment) if rule.source is not None and foreign else segment
                if source is not None:
                    self.taken.setdefault(source.place, []).append((role, rule))
        return read


def state(context: Context) -> list[Any]:
    """Return what rules can change: elements of all entries, told by identity as none is changed in place; the rest."""
    entries = [({name: id(value) for name, value in one.resource.items()}, len(one.clears)) for one in context.drafts]
    return [*entries, len(context.actions), len(context.notes)]
