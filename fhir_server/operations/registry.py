"""Which operations there are: routes, CapabilityStatement and documentation follow this table.

Spec: https://hl7.org/fhir/R4/operationslist.html
"""

from collections.abc import Mapping

from fhir_server.interactions.operation import Operation

OPERATIONS: Mapping[str, Operation] = {}
