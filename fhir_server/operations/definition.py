"""The definitions of operations, for their records: the standard's, and those of this server's own operations.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

from conformance.definitions import OperationDefinition
from conformance.load import definitions


def standard(code: str, type_: str) -> OperationDefinition:
    """Return the standard's definition of an operation on a type ("Resource": on every type)."""
    return next(one for one in definitions().operations if (one.code, one.resources) == (code, (type_,)))


def own_url(code: str) -> str:
    """Return the URL of an operation that only this server has: its definition is part of the CapabilityStatement."""
    return f"#{code}"
