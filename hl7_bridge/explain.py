"""What becomes of each populated part of a message: the elements that it goes to, or that nothing took it.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hl7_bridge.convert import Converter
from hl7_bridge.er7 import Message, Segment
from hl7_bridge.mapping.rules import Rule
from hl7_bridge.mapping.trace import Trace

Outcome = Literal["mapped", "ignored", "unmapped"]

ENVELOPE: Mapping[tuple[str, int], str] = {
    ("MSH", 1): "",
    ("MSH", 2): "",
    ("MSH", 7): "Provenance.occurredDateTime",
    ("MSH", 10): "DocumentReference.identifier",
    ("EVN", 2): "Provenance.occurredDateTime",
}
"""What is read of every message besides its maps."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One populated part of a message.

    Shape: place is "PID-5.1", "OBX[2]-8[3].1" for the second OBX and the third repetition; value as sent, unescaped;
           targets are "Patient.name*"; outcome `ignored` is for what has no meaning beyond the message (set ids)
    """

    place: str
    value: str
    outcome: Outcome
    targets: tuple[str, ...] = ()


def explain(message: Message, converter: Converter) -> list[Explained]:
    """Return what became of every populated part, in message order.

    Errors: ConversionError when the message cannot be converted
    """
    trace = Trace()
    conversion = converter.convert(message, received=datetime.fromtimestamp(0, UTC), trace=trace)
    unmapped = frozenset(conversion.unmapped)
    return [
        part for segment in message.segments for part in parts(segment, trace.taken.get(segment.place, []), unmapped)
    ]


def parts(segment: Segment, taken: list[tuple[str, Rule]], unmapped: frozenset[str]) -> Iterator[Explained]:
    number = "" if segment.sequence == 1 else f"[{segment.sequence}]"
    for field, repetition, component, subcomponent in segment.populated():
        name = f"{segment.name}{number}-{field}"
        place = name + (f"[{repetition}]" if repetition > 1 else "") + f".{component}"
        place += f".{subcomponent}" if subcomponent > 1 else ""
        value = segment.value(field, component, subcomponent, repetition)
        if (segment.name, field) in ENVELOPE:
            targets: tuple[str, ...] = (ENVELOPE[segment.name, field],)
        else:
            targets = tuple(dict.fromkeys(targets_of(taken, field, component, repetition)))
        # A field that is taken only in part is mapped there, and unmapped where nothing reads it.
        read = any(True for _ in targets_of(taken, field, 0, 1))
        ignored = not read and name not in unmapped
        outcome: Outcome = "mapped" if targets else "ignored" if ignored else "unmapped"
        yield Explained(place, value, outcome, targets)


ITEM = re.compile(r"\.(\d)")


def targets_of(rules: list[tuple[str, Rule]], field: int, component: int, repetition: int) -> Iterator[str]:
    """Yield the elements of the rules that read a part of a field; component 0 stands for any."""
    for role, rule in rules:
        if rule.source is None:
            read = any(place.field == field and not place.segment for place in rule.reads)
        else:
            read = rule.source.field == field and (not component or not rule.components or component in rule.components)
        if read and (repetition == 1 or rule.many):
            element = ITEM.sub(r"[\1]", rule.target)
            yield f"{role.split('#')[0]}.{element}"
