"""patch: JSON Patch, JSON Merge Patch and FHIRPath Patch, also conditional.

Spec: https://hl7.org/fhir/R4/http.html#patch, https://hl7.org/fhir/R4/fhirpatch.html
"""

import dataclasses

from fhir_server.interactions import binary, conditional
from fhir_server.interactions.change import Replacement, in_turn
from fhir_server.interactions.env import Env
from fhir_server.interactions.read import existing
from fhir_server.interactions.update import replace
from fhir_server.kernel.call import Call, Patch, Result
from fhir_server.kernel.errors import NotFound, Unprocessable
from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource, Version
from fhir_server.resources.patch import fhirpath_patch, json_patch, merge_patch


async def patch(env: Env, call: Call, access: Access) -> Result:
    """Return 200 with the patched version.

    Errors: NotFound or Gone where nothing is to be patched, Unprocessable for a patch that does not apply,
            Invalid when its result breaks FHIR's rules
    """
    meant = conditional.meant(env, call, access)

    async def attempt() -> Result:
        found = await meant.look()
        if found is None and call.address.id is None:
            raise NotFound(f"the criteria match no {call.type}")
        current = existing(found, f"{call.type}/{call.address.id}")
        resource = await patched(env, current, call.patch)
        issues = env.pipeline.check(resource)
        result = await replace(env, call, access, Replacement(resource, current.id, "PATCH", env.clock(), current))
        return dataclasses.replace(result, issues=issues)

    return await in_turn(env, meant.keys, attempt)


async def patched(env: Env, current: Version, patch: Patch | None) -> Resource:
    """Return the current resource after the patch; not yet checked.

    Errors: Unprocessable when the patch does not apply, or changes the type or the id
    """
    assert patch is not None
    text = current.json if current.blob is None else await binary.restore(env.storage.blobs, current)
    resource: Resource = decode_stored(text)
    match patch.kind:
        case "json-patch":
            result = json_patch(resource, patch.document)
        case "merge-patch":
            result = merge_patch(resource, patch.document)
        case "fhirpath-patch":
            env.pipeline.check(patch.document)
            result = fhirpath_patch(resource, patch.document, env.definitions)
    if (result.get("resourceType"), result.get("id")) != (current.type, current.id):
        raise Unprocessable("a patch may not change the type or the id of a resource")
    return result
