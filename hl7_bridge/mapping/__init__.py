"""Maps as data: read, joined in layers, compiled once to closures.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""
