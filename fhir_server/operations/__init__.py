"""The operations of the server, one module each.

Spec: https://hl7.org/fhir/R4/operations.html
"""

from fhir_server.operations.registry import OPERATIONS

__all__ = ["OPERATIONS"]
