"""update, update-as-create and conditional update: the whole resource is replaced.

Spec: https://hl7.org/fhir/R4/http.html#update, https://hl7.org/fhir/R4/http.html#cond-update
"""

import dataclasses
from collections.abc import Sequence

from fhir_server.interactions import conditional
from fhir_server.interactions.change import Replacement, check_visible, in_turn, next_version, written
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import Invalid, Issue, MethodNotAllowed
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Guard, Resource, Version
from fhir_server.resources.preconditions import check_write
from fhir_server.resources.prepare import resource_of_type


async def update(env: Env, call: Call, access: Access) -> Result:
    """Return 200 with the new version, or 201 where nothing (or a deleted resource) stood under the id.

    Errors: Invalid for a body that breaks FHIR's rules or names another id, PreconditionFailed for a stale
            If-Match, MultipleMatches for ambiguous criteria, Taken where these match nothing and the body names what
            is there, MethodNotAllowed where clients may not give ids
    """
    resource = resource_of_type(call.body, call.type)
    issues = env.pipeline.check(resource)
    if call.address.id is None:
        return await _conditional(env, call, access, resource)
    check_same_id(resource, call.id)

    async def attempt() -> Result:
        current = await env.storage.reader.read(call.type, call.id, access)
        result = await replace(env, call, access, Replacement(resource, call.id, "PUT", env.clock(), current))
        return dataclasses.replace(result, issues=issues)

    return await in_turn(env, [f"{call.type}/{call.id}"], attempt)


def check_same_id(resource: Resource, id_: str) -> None:
    """Raise Invalid unless the body names the id of the URL."""
    if resource.get("id") != id_:
        raise Invalid(Issue("value", "the id in the body must be the id in the URL", expression="Resource.id"))


async def replace(env: Env, call: Call, access: Access, wanted: Replacement, guards: Sequence[Guard] = ()) -> Result:
    """Store a checked resource in the place of the current version; preconditions are those of the call."""
    current = wanted.current
    check_write(call.conditions, current)
    check_may_create(env, current)
    change = await next_version(env, wanted)
    if change is None:
        assert current is not None
        return await written(env, call, current, created=False)
    check_visible(access, change)
    await env.storage.writer.commit([change], guards)
    return await written(env, call, change.draft.version, created=current is None or current.deleted)


def check_may_create(env: Env, current: Version | None) -> None:
    """Raise MethodNotAllowed where nothing is stored and clients may not choose ids."""
    if current is None and not env.settings.update_as_create:
        raise MethodNotAllowed("this server gives the ids itself: POST to create", headers={"Allow": "GET, HEAD"})


async def _conditional(env: Env, call: Call, access: Access, resource: Resource) -> Result:
    criteria = conditional.from_params(env, call.type, call.params, call.base_url)

    async def attempt() -> Result:
        guards = await env.storage.guards.see(criteria.guard_keys)
        found = await conditional.match(env, criteria, access)
        id_ = conditional.target_id(resource, found) or env.new_id()
        current = found or conditional.free(await env.storage.reader.read(call.type, id_, access))
        return await replace(env, call, access, Replacement(resource, id_, "PUT", env.clock(), current), guards)

    return await in_turn(env, criteria.guard_keys, attempt)
