"""Search parameters that users define: which are usable, where their values are stored, which are not complete yet.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

from fhir_server.search.custom.definition import Unusable, defined, is_asked_for
from fhir_server.search.custom.in_force import InForce, alteration, in_force
from fhir_server.search.custom.incomplete import incomplete, own_fields

__all__ = ["InForce", "Unusable", "alteration", "defined", "in_force", "incomplete", "is_asked_for", "own_fields"]
