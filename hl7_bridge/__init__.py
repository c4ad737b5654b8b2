"""The HL7 v2 bridge: messages of laboratories, wards and insurers become FHIR transactions, and FHIR becomes messages.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""
