"""HL7 v2 over HTTP: messages in, acknowledgements out, and the dead letters.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

from fhir_server.http.hl7.figures import observer
from fhir_server.http.hl7.routes import hl7_routes

__all__ = ["hl7_routes", "observer"]
