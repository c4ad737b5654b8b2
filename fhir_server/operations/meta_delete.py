"""$meta-delete: takes profiles, tags and security labels from a resource.

Spec: https://hl7.org/fhir/R4/resource-operation-meta-delete.html
"""

from dataclasses import replace

from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.query import Access
from fhir_server.operations.definition import standard
from fhir_server.operations.labels import relabel, removed
from fhir_server.operations.parameters import checked


async def meta_delete(env: Env, call: Call, access: Access) -> Result:
    """Return the meta of the resource after the change, which is a new version; see `labels.relabel`."""
    passed = checked(env.pipeline, OPERATION.definition, call.params, call.body)
    return await relabel(env, call, access, passed, removed)


# The standard's definition says that it changes nothing; a GET must not be able to call it.
OPERATION = Operation(replace(standard("meta-delete", "Resource"), affects_state=True), meta_delete)
