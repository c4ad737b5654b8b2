"""Messages in scopes, for tests of what reads them."""

from typing import Any

from hl7_bridge.er7 import parse
from hl7_bridge.mapping.groups import arrange, compile_group
from hl7_bridge.mapping.scope import Scope


def scope(grammar: dict[str, Any], *segments: str) -> Scope:
    """The outermost scope of a message; a header is put in front."""
    header = "MSH|^~\\&|LAB|CLINIC|||20240305||ORU^R01|1|P|2.5.1"
    message = parse("\r".join((header, *segments)).encode())
    return arrange(message, compile_group("message", {"segments": {"MSH": ["MessageHeader"]}, "groups": grammar}, {}))


def shape(one: Scope) -> Any:
    """A scope as nested lists: the names of its segments, then its children."""
    return [" ".join(segment.name for segment in one.segments), *(shape(child) for child in one.children)]
