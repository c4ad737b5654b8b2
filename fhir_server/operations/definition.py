"""The definitions of the standard's operations, for the records of those that this server has.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

from conformance.definitions import OperationDefinition
from conformance.load import definitions


def standard(code: str, type_: str) -> OperationDefinition:
    """Return the standard's definition of an operation on a type ("Resource": on every type)."""
    return next(one for one in definitions().operations if (one.code, one.resources) == (code, (type_,)))
