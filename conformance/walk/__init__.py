"""The validator of resources against the base definitions of FHIR R4.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from conformance.walk.problems import Problem, Severity
from conformance.walk.validator import CHECKED_INVARIANTS, Validator

__all__ = ["CHECKED_INVARIANTS", "Problem", "Severity", "Validator"]
