"""A message to be: its type and its segments, in the order of the message.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message construction)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hl7_bridge.er7 import Value


class OutboundError(Exception):
    """A resource that cannot be sent as a message; the text names the place, and no value."""

    def __init__(self, expression: str, text: str) -> None:
        super().__init__(f"{expression}: {text}")
        self.expression = expression


@dataclass(slots=True)
class Draft:
    """A message without its header: "ORU", "R01", "ORU_R01", the version, and the segments that were added so far."""

    type: str
    trigger: str
    structure: str
    version: str = "2.5.1"
    segments: list[tuple[str, Mapping[int, Value]]] = field(default_factory=list)

    def add(self, name: str, fields: Mapping[int, Value]) -> None:
        """Add a segment; empty fields are left out."""
        self.segments.append((name, {number: value for number, value in fields.items() if not is_empty(value)}))

    def notes(self, texts: list[str]) -> None:
        """Add an NTE for each text."""
        for number, text in enumerate(filter(None, texts), 1):
            self.add("NTE", {1: str(number), 3: text})


def is_empty(value: Value) -> bool:
    """Whether a field holds no text at all."""
    return not value if isinstance(value, str) else all(is_empty(part) for part in value)
