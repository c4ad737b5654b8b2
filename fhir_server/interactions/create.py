"""create and conditional create: a new resource under an id that the server gives.

Spec: https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R4/http.html#ccreate
"""

from collections.abc import Sequence

from fhir_server.interactions import conditional
from fhir_server.interactions.change import Replacement, check_visible, in_turn, next_version, written
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Guard, Resource, Version
from fhir_server.resources.prepare import resource_of_type


async def create(env: Env, call: Call, access: Access) -> Result:
    """Return 201 with the new resource, or 200 with the one that If-None-Exist found.

    Errors: Invalid for a resource that breaks FHIR's rules, MultipleMatches for ambiguous criteria
    """
    resource = resource_of_type(call.body, call.type)
    issues = env.pipeline.check(resource)
    if call.conditions.if_none_exist is None:
        version = await insert(env, resource, env.new_id(), access=access)
        return await written(env, call, version, created=True, issues=issues)
    criteria = conditional.from_text(env, call.type, call.conditions.if_none_exist, call.base_url)

    async def attempt() -> Result:
        guards = await env.storage.guards.see(criteria.guard_keys)
        found = await conditional.match(env, criteria, access)
        if found is not None:
            return await written(env, call, found, created=False)
        version = await insert(env, resource, env.new_id(), access=access, guards=guards)
        return await written(env, call, version, created=True, issues=issues)

    return await in_turn(env, criteria.guard_keys, attempt)


async def insert(env: Env, resource: Resource, id_: str, *, access: Access, guards: Sequence[Guard] = ()) -> Version:
    """Store a checked resource under an id that was never used; return its first version.

    Errors: Conflict when the id is taken or a guard moved
    """
    change = await next_version(env, Replacement(resource, id_, "POST", env.clock()))
    assert change is not None
    check_visible(access, change)
    await env.storage.writer.commit([change], guards)
    return change.draft.version
