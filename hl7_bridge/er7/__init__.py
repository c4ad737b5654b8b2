"""ER7, the text form of HL7 v2: bytes to a message that is read on demand, and back.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2)
"""

from hl7_bridge.er7.delimiters import STANDARD, Delimiters
from hl7_bridge.er7.errors import Er7Error, MessageError
from hl7_bridge.er7.message import NULL, Field, Message, Segment
from hl7_bridge.er7.parse import parse
from hl7_bridge.er7.write import Raw, Repeated, Value, Writer

__all__ = [
    "NULL",
    "STANDARD",
    "Delimiters",
    "Er7Error",
    "Field",
    "Message",
    "MessageError",
    "Raw",
    "Repeated",
    "Segment",
    "Value",
    "Writer",
    "parse",
]
