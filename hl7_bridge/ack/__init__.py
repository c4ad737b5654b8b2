"""Acknowledgements: what the sender of a message is told, in its version, delimiters and character set.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message acknowledgment)
"""

from hl7_bridge.ack.answer import Outcome, Problem, Stamp, answers, refusal
from hl7_bridge.ack.orders import order_reply
from hl7_bridge.ack.queries import query_reply
from hl7_bridge.ack.reply import Reply

__all__ = ["Outcome", "Problem", "Reply", "Stamp", "answers", "order_reply", "query_reply", "refusal"]
