"""From a message that arrived to the acknowledgement that its sender gets, and to what is stored.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (HL7 v2, chapter 2)
"""
