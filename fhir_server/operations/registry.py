"""Which operations there are: routes, CapabilityStatement and documentation follow this table.

Spec: https://hl7.org/fhir/R4/operationslist.html
"""

from collections.abc import Mapping

from fhir_server.interactions.operation import Operation
from fhir_server.operations import everything, lastn, meta, meta_add, meta_delete, stats, validate

_MODULES = (everything, lastn, meta, meta_add, meta_delete, stats, validate)

OPERATIONS: Mapping[str, Operation] = {module.OPERATION.definition.code: module.OPERATION for module in _MODULES}
"""By name, without "$"."""
