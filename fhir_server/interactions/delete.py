"""delete and conditional delete: the resource is gone, its history stays.

Spec: https://hl7.org/fhir/R4/http.html#delete, https://hl7.org/fhir/R4/http.html#cdelete
"""

from fhir_server.interactions import conditional
from fhir_server.interactions.change import in_turn
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Change
from fhir_server.resources.preconditions import check_write


async def delete(env: Env, call: Call, access: Access) -> Result:
    """Return 204, also where nothing was stored: deleting twice is no error.

    Errors: PreconditionFailed for a stale If-Match, MultipleMatches for ambiguous criteria
    """
    meant = conditional.meant(env, call, access)

    async def attempt() -> Result:
        current = await meant.look()
        check_write(call.conditions, current)
        if current is None or current.deleted:
            return Result(204, version=current)
        change = Change(env.pipeline.tombstone(current, env.clock()), current)
        await env.storage.writer.commit([change])
        return Result(204, version=change.draft.version)

    return await in_turn(env, meant.keys, attempt)
