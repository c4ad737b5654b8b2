"""What FHIR R4 says: compact definitions, their loaders, and the validator of resources.

Spec: https://hl7.org/fhir/R4/
"""

from conformance.definitions import (
    Component,
    Definitions,
    Element,
    Invariant,
    OperationDefinition,
    OperationParameter,
    SearchParameter,
    TypeDefinition,
)
from conformance.load import definitions
from conformance.walk import Problem, Validator

__all__ = [
    "Component",
    "Definitions",
    "Element",
    "Invariant",
    "OperationDefinition",
    "OperationParameter",
    "Problem",
    "SearchParameter",
    "TypeDefinition",
    "Validator",
    "definitions",
]
