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
    if call.address.id is not None:
        return await _delete(env, call, access, call.id)
    criteria = conditional.from_params(env, call.type, call.params, call.base_url)
    found = await conditional.match(env, criteria, access)
    return Result(204) if found is None else await _delete(env, call, access, found.id)


async def _delete(env: Env, call: Call, access: Access, id_: str) -> Result:
    async def attempt() -> Result:
        current = await env.storage.reader.read(call.type, id_, access)
        check_write(call.conditions, current)
        if current is None or current.deleted:
            return Result(204, version=current)
        change = Change(env.pipeline.tombstone(current, env.clock()), current)
        await env.storage.writer.commit([change])
        return Result(204, version=change.draft.version)

    return await in_turn(env, [f"{call.type}/{id_}"], attempt)
