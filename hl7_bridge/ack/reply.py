"""An application's reply that is more than an acknowledgement: its message type, and its own segments.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

from collections.abc import Callable
from dataclasses import dataclass

from hl7_bridge.er7 import Writer


@dataclass(frozen=True, slots=True)
class Reply:
    """What stands in MSH-9 (type, trigger event, structure), and what adds the segments that follow MSA and ERR."""

    type: str
    trigger: str
    structure: str
    write: Callable[[Writer], None]
