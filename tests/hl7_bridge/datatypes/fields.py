"""Fields of a message, and a context to convert them in."""

from zoneinfo import ZoneInfo

from hl7_bridge.er7 import STANDARD, Field, parse
from hl7_bridge.mapping.context import Context, Sender
from hl7_bridge.mapping.layers import load_layers
from hl7_bridge.mapping.program import compile_program


def field(text: str) -> Field:
    """The field that ER7 text makes."""
    return parse(f"MSH|^~\\&|LAB|CLINIC\rZZZ|{text}".encode()).segments[1].field(1)


def context(zone: str = "Europe/Stockholm") -> Context:
    program = compile_program(load_layers())
    sender = Sender(
        name="LAB|CLINIC",
        zone=ZoneInfo(zone),
        tables=program.tables,
        systems=program.systems,
        authorities=program.authorities,
    )
    return Context(sender, identity="test", delimiters=STANDARD, occurred="2024-03-05")
