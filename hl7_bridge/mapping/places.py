"""Places in a message, as maps write them: `3`, `3.1`, `PV1-44`, `OBX-5.1.2`.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message construction)
"""

import re
from dataclasses import dataclass
from typing import Any

from hl7_bridge.er7 import NULL, Segment
from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.scope import Scope

PLACE = re.compile(
    r"(?:(?P<segment>[A-Z][A-Z0-9]{2})-)?(?P<field>\d{1,3})(?:\.(?P<component>\d+)(?:\.(?P<sub>\d+))?)?\Z"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A field or a part of it; `segment` is empty for the segment that the map is about."""

    segment: str
    field: int
    component: int = 0
    subcomponent: int = 0

    def read(self, segment: Segment | None, scope: Scope) -> str:
        """Return the text that stands there, in the nearest segment of that name; "" for none and for null."""
        found = scope.segment(self.segment) if self.segment else segment
        return self.of(found) if found is not None else ""

    def holds(self, segment: Segment | None, scope: Scope) -> bool:
        """Return whether anything stands there: in any component when the place names none."""
        found = scope.segment(self.segment) if self.segment else segment
        if found is None or not found.raw(self.field):
            return False
        if self.component:
            return bool(self.of(found))
        field = found.field(self.field)
        return bool(field) and not field.is_null

    def of(self, segment: Segment) -> str:
        """Return the text that stands there in a segment; "" for none and for null."""
        text = segment.value(self.field, self.component or 1, self.subcomponent or 1)
        return "" if text == NULL else text.strip()


class Event(Place):
    """MSH-9.2, also where a message tells its event elsewhere."""

    __slots__ = ()

    def read(self, segment: Segment | None, scope: Scope) -> str:  # noqa: ARG002
        return scope.message.trigger


def place(text: Any, where: str) -> Place:
    """Return the place that a map names.

    Errors: MapError when the text names none
    """
    match = PLACE.match(str(text).strip())
    if match is None:
        raise MapError(where, f"{text!r} is no place; write 3, 3.1 or PV1-44")
    segment, field, component, sub = match.groups()
    found = Place(segment or "", int(field), int(component or 0), int(sub or 0))
    return Event("MSH", 9, 2) if found == Place("MSH", 9, 2) else found
