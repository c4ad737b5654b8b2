"""$meta: the profiles, tags and security labels of a resource.

Those of a whole type or of the server are not offered: they would need a count of all that is stored.
Spec: https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from dataclasses import replace

from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.read import existing
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.query import Access
from fhir_server.operations.definition import standard
from fhir_server.operations.labels import meta_result
from fhir_server.operations.parameters import checked


async def meta(env: Env, call: Call, access: Access) -> Result:
    """Return the meta of the current version as Parameters.

    Errors: NotFound or Gone for the resource, NotSupported for any parameter
    """
    checked(env.pipeline, OPERATION.definition, call.params, call.body)
    version = await env.storage.reader.read(call.type, call.id, access)
    return meta_result(existing(version, f"{call.type}/{call.id}"))


OPERATION = Operation(replace(standard("meta", "Resource"), system=False, type=False), meta)
