"""A FHIR R4 interoperability server on MongoDB.

Spec: https://hl7.org/fhir/R4/
"""

__version__ = "0.1.0"
