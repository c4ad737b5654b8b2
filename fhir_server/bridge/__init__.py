"""The HL7 v2 bridge inside of the server: its ports over the server's own interactions and database.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""
