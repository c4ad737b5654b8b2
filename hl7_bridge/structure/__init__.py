"""What HL7 says of the order of segments: grammars of all messages, and what a message does otherwise.

Not on the way of a message that is processed: for the onboarding of a sender, and for messages that were put aside.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message structure)
"""

from hl7_bridge.structure.arrange import Arrangement, Group, arrange
from hl7_bridge.structure.check import check
from hl7_bridge.structure.grammar import Part, grammar_of
from hl7_bridge.structure.validation import Validation

__all__ = ["Arrangement", "Group", "Part", "Validation", "arrange", "check", "grammar_of"]
