"""Which operations there are: routes, CapabilityStatement and documentation follow this table.

Spec: https://hl7.org/fhir/R4/operationslist.html
"""

from collections.abc import Mapping

from fhir_server.interactions.operation import Operation
from fhir_server.operations import (
    everything,
    expunge,
    lastn,
    meta,
    meta_add,
    meta_delete,
    reindex,
    reindex_status,
    stats,
    validate,
)

_ALL = (
    everything.OF_PATIENT,
    everything.OF_ENCOUNTER,
    expunge.OPERATION,
    lastn.OPERATION,
    meta.OPERATION,
    meta_add.OPERATION,
    meta_delete.OPERATION,
    reindex.OPERATION,
    reindex_status.OPERATION,
    stats.OPERATION,
    validate.OPERATION,
)

OPERATIONS: Mapping[str, Operation] = {operation.definition.url: operation for operation in _ALL}
"""By the URL of the definition: what one name means may differ from type to type."""
