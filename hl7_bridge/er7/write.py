"""Builds a message, segment by segment, in any delimiters.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message construction)
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from hl7_bridge.er7.delimiters import STANDARD, Delimiters
from hl7_bridge.er7.message import HEADERS, Segment

Component: TypeAlias = str | Sequence[str]
"""A text, or its subcomponents."""


class Raw(str):
    """Text in ER7 form with the delimiters of the message, taken over as it stands."""

    __slots__ = ()


class Repeated(tuple["str | Sequence[Component]", ...]):
    """The repetitions of a field: `Repeated([("1", "", "", "CITY"), ("2", "", "", "TOWN")])`."""

    __slots__ = ()


Value: TypeAlias = str | Sequence[Component] | Repeated
"""A field: a text, its components, or its repetitions. Plain text everywhere: the writer escapes."""


class Writer:
    """Collects segments; `bytes()` is the message, each segment ended by CR."""

    __slots__ = ("_delimiters", "_segments")

    def __init__(self, delimiters: Delimiters = STANDARD) -> None:
        self._delimiters = delimiters
        self._segments: list[str] = []

    def segment(self, name: str, fields: Mapping[int, Value]) -> None:
        """Add a segment; fields by their number in the standard, but for MSH-1 and MSH-2, which come by themselves."""
        delimiters = self._delimiters
        last = max(fields, default=0)
        if name in HEADERS:
            texts = [
                name,
                delimiters.encoding_characters,
                *(self._field(fields.get(n, "")) for n in range(3, last + 1)),
            ]
        else:
            texts = [name, *(self._field(fields.get(n, "")) for n in range(1, last + 1))]
        self._segments.append(
            delimiters.field.join(texts).rstrip(delimiters.field) if last else delimiters.field.join(texts)
        )

    def copy(self, segment: Segment, changes: Mapping[int, Value] | None = None) -> None:
        """Add a segment of a message that has the same delimiters, as it was sent but for the fields in `changes`."""
        newline = self._delimiters.escape("\n")
        fields: dict[int, Value] = {n: Raw(segment.raw(n).replace("\n", newline)) for n in range(1, segment.fields + 1)}
        self.segment(segment.name, fields | dict(changes or {}))

    def text(self) -> str:
        """Return the message."""
        return "".join(f"{segment}\r" for segment in self._segments)

    def bytes(self, charset: str = "utf-8") -> bytes:
        """Return the message in a character set (Python's name); what it lacks becomes a question mark."""
        return self.text().encode(charset, errors="replace")

    def _field(self, value: Value) -> str:
        if isinstance(value, Raw):
            return value
        if isinstance(value, Repeated):
            return self._delimiters.repetition.join(map(self._repetition, value))
        return self._repetition(value)

    def _repetition(self, value: str | Sequence[Component]) -> str:
        if isinstance(value, str):
            return self._delimiters.escape(value)
        return _join(self._delimiters.component, [self._component(part) for part in value])

    def _component(self, value: Component) -> str:
        if isinstance(value, str):
            return self._delimiters.escape(value)
        return _join(self._delimiters.subcomponent, [self._delimiters.escape(part) for part in value])


def _join(delimiter: str, parts: Sequence[str]) -> str:
    """Join without the delimiters that nothing follows; a delimiter that the message does without parts by a blank."""
    return (delimiter or " ").join(parts).rstrip(delimiter or " ")
