"""A message as a tree that is cut on demand: segments at once, fields and components when somebody asks for them.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message construction)
"""

from collections.abc import Iterator, Sequence
from typing import Final

from hl7_bridge.er7.delimiters import Delimiters

NULL: Final = '""'
"""The value that deletes what the receiver has stored."""

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the separator itself."""


class Dialect:
    """What reading a message's texts takes: its delimiters and the character set of its hexadecimal escapes."""

    __slots__ = ("charset", "component", "delimiters", "escape", "field", "repetition", "subcomponent")

    def __init__(self, delimiters: Delimiters, charset: str) -> None:
        self.delimiters = delimiters
        self.charset = charset
        self.field = delimiters.field
        # A delimiter that a sender does without becomes one that no text holds.
        self.component = delimiters.component or "\0"
        self.repetition = delimiters.repetition or "\0"
        self.subcomponent = delimiters.subcomponent or "\0"
        self.escape = delimiters.escape_character or "\0"

    def value(self, text: str, component: int, subcomponent: int) -> str:
        """Return one unescaped subcomponent of a repetition's text; "" when absent."""
        # Asked for some hundred times a message: cut here, not by calls of _part (all fields of an ORU: 134 → 107 µs).
        if self.component in text:
            parts = text.split(self.component, component)
            text = parts[component - 1] if component <= len(parts) else ""
        elif component > 1:
            return ""
        if self.subcomponent in text:
            parts = text.split(self.subcomponent, subcomponent)
            text = parts[subcomponent - 1] if subcomponent <= len(parts) else ""
        elif subcomponent > 1:
            return ""
        return self.delimiters.unescape(text, self.charset) if self.escape in text else text


def _part(text: str, delimiter: str, number: int) -> str:
    if delimiter not in text:
        return text if number == 1 else ""
    if number == 1:
        return text[: text.index(delimiter)]
    parts = text.split(delimiter, number)
    return parts[number - 1] if number <= len(parts) else ""


class Field:
    """One repetition of a field; falsy when it holds nothing but delimiters."""

    __slots__ = ("_dialect", "_text")

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._text = text
        self._dialect = dialect

    def __bool__(self) -> bool:
        return bool(self._text) and bool(self._text.strip(self._dialect.component + self._dialect.subcomponent))

    def __repr__(self) -> str:
        return f"Field({self.components} components)"

    def value(self, component: int = 1, subcomponent: int = 1) -> str:
        """Return a subcomponent, unescaped; "" when absent. All numbers count from 1."""
        return self._dialect.value(self._text, component, subcomponent)

    @property
    def text(self) -> str:
        """The whole repetition, unescaped, with the delimiters of components that it holds."""
        return self._dialect.delimiters.unescape(self._text, self._dialect.charset)

    @property
    def er7(self) -> str:
        """The repetition as it was sent."""
        return self._text

    @property
    def components(self) -> int:
        """The number of components."""
        return self._text.count(self._dialect.component) + 1 if self._text else 0

    @property
    def is_null(self) -> bool:
        """Whether the sender says that the receiver's value is to be deleted."""
        return self._text == NULL


class Segment:
    """A segment; fields are numbered as the standard numbers them, also those of MSH."""

    __slots__ = ("_dialect", "_fields", "er7", "name", "place", "sequence")

    def __init__(self, er7: str, name: str, dialect: Dialect, place: int, sequence: int) -> None:
        self.er7 = er7
        """The segment as it was sent, without its terminator."""
        self.name = name
        self.place = place
        """Its place in the message, from 0."""
        self.sequence = sequence
        """Its place among the segments of its name, from 1."""
        self._dialect = dialect
        self._fields: list[str] | None = None

    def __repr__(self) -> str:
        return f"Segment({self.name}, place={self.place})"

    def value(self, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1) -> str:
        """Return a subcomponent, unescaped; "" when absent, `NULL` when it is to be deleted."""
        text = self.raw(field)
        if not text:
            return ""
        dialect = self._dialect
        if self.name in HEADERS and field < 3:
            return text
        if dialect.repetition in text or repetition > 1:
            text = _part(text, dialect.repetition, repetition)
        return dialect.value(text, component, subcomponent)

    def field(self, number: int) -> Field:
        """Return the first repetition of a field; a falsy one when absent."""
        text = self.raw(number)
        if self.name in HEADERS and number < 3:
            return Field(text, _LITERAL)
        return Field(_part(text, self._dialect.repetition, 1), self._dialect)

    def repetitions(self, number: int) -> Sequence[Field]:
        """Return all repetitions of a field, also empty ones between others; none when absent."""
        text = self.raw(number)
        if not text:
            return ()
        if self.name in HEADERS and number < 3:
            return (Field(text, _LITERAL),)
        dialect = self._dialect
        if dialect.repetition not in text:
            return (Field(text, dialect),)
        return [Field(part, dialect) for part in text.split(dialect.repetition)]

    @property
    def fields(self) -> int:
        """The number of the last field that was sent."""
        return len(self._cut()) - 1

    def raw(self, number: int) -> str:
        """Return a field as it was sent, with its repetitions and escapes."""
        fields = self._fields
        if fields is None:
            fields = self._cut()
        return fields[number] if number < len(fields) else ""

    def populated(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (field, repetition, component, subcomponent) of all that holds text, but the delimiters of a header."""
        dialect = self._dialect
        for field, text in enumerate(self._cut()):
            if not text or field < (3 if self.name in HEADERS else 1):
                continue
            for repetition, one in enumerate(text.split(dialect.repetition), 1):
                for component, part in enumerate(one.split(dialect.component), 1):
                    for subcomponent, leaf in enumerate(part.split(dialect.subcomponent), 1):
                        if leaf:
                            yield field, repetition, component, subcomponent

    def _cut(self) -> list[str]:
        if self._fields is None:
            self._fields = self.er7.split(self._dialect.field)
            if self.name in HEADERS:
                self._fields.insert(1, self._dialect.field)
        return self._fields


_LITERAL: Final = Dialect(Delimiters("", "", "", "", ""), "ascii")
"""How the delimiters in MSH-1 and MSH-2 are read: as they are."""


_FIRST_EVENTS: Final = {"ORU": "R01", "ORM": "O01", "DFT": "P03"}
"""Events of messages that named none: version 2.1 knew no others of these types."""


class Message:
    """A message; its segments in the order in which they came."""

    __slots__ = ("_by_name", "charset", "delimiters", "raw", "segments", "warnings")

    def __init__(
        self, segments: tuple[Segment, ...], dialect: Dialect, raw: bytes, warnings: tuple[str, ...] = ()
    ) -> None:
        self.segments = segments
        self.delimiters = dialect.delimiters
        self.charset = dialect.charset
        """Python's name of the character set that the message was read with."""
        self.raw = raw
        self.warnings = warnings
        """What was odd and had to be put right to read the message; no content of it."""
        self._by_name: dict[str, list[Segment]] = {}
        for segment in segments:
            self._by_name.setdefault(segment.name, []).append(segment)

    def __repr__(self) -> str:
        return f"Message({self.type}^{self.trigger}, {len(self.segments)} segments)"

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name."""
        found = self._by_name.get(name)
        return found[0] if found else None

    def every(self, name: str) -> Sequence[Segment]:
        """Return all segments of a name, in message order."""
        return self._by_name.get(name, ())

    @property
    def type(self) -> str:
        """MSH-9.1: "ADT"."""
        return self.header.value(9, 1)

    @property
    def trigger(self) -> str:
        """MSH-9.2: "A01"; else what EVN-1 says, as before version 2.3.1, or the one event that its type had in 2.1."""
        if code := self.header.value(9, 2):
            return code
        event = self.first("EVN")
        return (event.value(1) if event else "") or _FIRST_EVENTS.get(self.type, "")

    @property
    def structure(self) -> str:
        """MSH-9.3: "ADT_A01"; "" when not sent."""
        return self.header.value(9, 3)

    @property
    def version(self) -> str:
        """MSH-12.1: "2.5.1"."""
        return self.header.value(12)

    @property
    def control_id(self) -> str:
        """MSH-10; behind a line break in it stands what is left of another segment."""
        return self.header.value(10).partition("\n")[0]

    @property
    def sender(self) -> tuple[str, str]:
        """MSH-3.1 and MSH-4.1: the application and the facility that sent it."""
        return self.header.value(3), self.header.value(4)
