"""A small clinic, generated: what a new server shows before it holds anyone's real data.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from fhir_server.demo.clinic import ORGANIZATION, clinic

__all__ = ["ORGANIZATION", "clinic"]
