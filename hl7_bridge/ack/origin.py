"""What an acknowledgement takes over from the message it answers, however little of that could be read.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, MSH)
"""

import re
from dataclasses import dataclass
from typing import Final

from hl7_bridge.er7 import STANDARD, Delimiters, Er7Error, Message, parse

DEFAULT_VERSION: Final = "2.5.1"
CONDITIONS: Final = frozenset({"AL", "NE", "ER", "SU"})
_FIELDS: Final = 18
_LINE_END: Final = re.compile(rb"[\r\n\x1c]")


@dataclass(frozen=True, slots=True)
class Origin:
    """The header of the message that is answered; `fields` by number, in ER7 form."""

    delimiters: Delimiters
    charset: str
    fields: tuple[str, ...]
    type: str
    trigger: str
    version: str
    control_id: str

    def field(self, number: int) -> str:
        """Return a field of MSH in ER7 form."""
        return self.fields[number]

    def condition(self, number: int) -> str:
        """Return MSH-15 or MSH-16, the condition of an acknowledgement; "" for what is no code of table HL70155."""
        code = self.fields[number].strip().upper()
        return code if code in CONDITIONS else ""

    @property
    def enhanced(self) -> bool:
        """Whether the sender says which acknowledgements it wants."""
        return bool(self.condition(15) or self.condition(16))

    def since(self, *version: int) -> bool:
        """Whether the message is of a version or a later one; an unreadable version counts as the default."""
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version)[:3])
        return (numbers or (2, 5, 1)) >= version


def of(message: Message) -> Origin:
    """Return what a message's header says."""
    header = message.header
    return Origin(
        delimiters=message.delimiters,
        charset=message.charset,
        fields=tuple(header.raw(number).replace("\n", " ") for number in range(_FIELDS + 1)),
        type=message.type,
        trigger=message.trigger,
        version=message.version or DEFAULT_VERSION,
        control_id=message.control_id,
    )


def salvaged(raw: bytes) -> Origin:
    """Return what can be made out of the header of bytes that are no message."""
    start = max(raw.find(b"MSH"), 0)
    head = raw[start : start + 2048]
    end = _LINE_END.search(head)
    line = head[: end.start()] if end else head
    try:
        return of(parse(line))
    except Er7Error:
        return _guessed(line.decode("latin-1"))


def _guessed(line: str) -> Origin:
    """Read the header by its field separator alone, since its other delimiters cannot be told apart."""
    separator = line[3:4] if line.startswith("MSH") else ""
    known = bool(separator) and not separator.isalnum() and separator.isprintable() and separator != " "
    fields = ["MSH", separator, *line.split(separator)[1:]] if known else ["MSH"]
    fields = [field if field.isprintable() else "" for field in fields] + [""] * _FIELDS
    header = tuple(field if _plain(field) else "" for field in fields[: _FIELDS + 1])
    return Origin(STANDARD, "ascii", header, "", "", header[12] or DEFAULT_VERSION, header[10])


def _plain(field: str) -> bool:
    return not set(field) & set("|^~\\&") and len(field) <= 199
