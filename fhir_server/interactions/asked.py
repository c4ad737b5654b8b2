"""A call to search → what it means: the types it looks through, and each of its parameters.

Spec: https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Hashable

from fhir_server.interactions.env import Env
from fhir_server.interactions.terms import understood
from fhir_server.kernel.call import Call
from fhir_server.kernel.errors import NotFound
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource
from fhir_server.search import Asked, Context, Request
from fhir_server.search.expansion import Canonical, Expansion


async def request_of(env: Env, call: Call, access: Access) -> Request:
    """Return what a call to search means.

    Errors: Invalid or NotSupported for parameters that cannot be understood, NotFound for a compartment that is none
    """
    key = _key(call)
    known = env.search.memory.get(key) if key is not None else None
    if known is not None:
        return known
    read: dict[Canonical, Resource | None] = {}
    request = await understood(env, await _asked(env, call, read), read, access)
    if key is not None and not read:  # what was read may be another one the next time
        env.search.memory.keep(key, request, call.params)
    return request


def _key(call: Call) -> Hashable:
    """Return what the meaning of a search on one type depends on; None where that is more."""
    if call.address.interaction != "search-type":
        return None
    return call.address.type, call.params, call.base_url, call.prefer.handling, call.principal.id


async def _asked(env: Env, call: Call, read: dict[Canonical, Resource | None]) -> Asked:
    path, types, compartment = await _scope(env, call)
    return Asked(
        types=types,
        params=call.params,
        path=path,
        context=Context(env.clock(), env.zone, call.base_url, Expansion(read)),
        compartment=compartment,
        strict=call.prefer.handling == "strict",
        principal=call.principal.id,
        page_size=env.settings.page_size,
        max_page_size=env.settings.max_page_size,
        containers=await _containers(env, call),
    )


async def _containers(env: Env, call: Call) -> tuple[str, ...]:
    """Return the types that may contain what is searched for: all that are stored, where it is asked for at all."""
    asked = any(name == "_contained" and value != "false" for name, value in call.params)
    return tuple(await env.storage.schema.stored_types()) if asked else ()


async def _scope(env: Env, call: Call) -> tuple[str, tuple[str, ...], str | None]:
    """Return the path below the base URL, the types to search, and the compartment to search in."""
    address = call.address
    if address.interaction == "search-type":
        return call.type, (call.type,), None
    if address.interaction == "search-system":
        return "", tuple(await env.storage.schema.stored_types()), None
    name, members = (
        f"{address.compartment_type}/{address.id}",
        env.definitions.compartments.get(address.compartment_type or ""),
    )
    if members is None:
        raise NotFound(f"{address.compartment_type} has no compartment")
    if address.type is not None:
        return f"{name}/{address.type}", (address.type,), name
    stored = await env.storage.schema.stored_types()
    inside = {address.compartment_type, *members}
    return f"{name}/*", tuple(type_ for type_ in stored if type_ in inside), name
