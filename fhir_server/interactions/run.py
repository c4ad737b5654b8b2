"""The only door to data: authorise → execute → measure, for HTTP, batch entries, operations and jobs alike.

Spec: https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter

from fhir_server.access import policy
from fhir_server.interactions import (
    batch,
    capabilities,
    create,
    delete,
    history,
    operation,
    patch,
    read,
    search,
    transaction,
    update,
    vread,
)
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Interaction, Result
from fhir_server.kernel.errors import FhirError, Outdated
from fhir_server.kernel.query import Access

Execute = Callable[[Env, Call, Access], Awaitable[Result]]


_ATTEMPTS = 3
"""How often a write begins again because search parameters were altered at the same moment."""


async def run(env: Env, call: Call) -> Result:
    """Return the result of an interaction by the rules now in force; raise FhirError when it cannot be done.

    `env` may be an older one: it leads to the current one.
    """
    current = env.current
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _run(current.env, call)
        except Outdated:
            await current.refresh()
    return await _run(current.env, call)


async def _run(env: Env, call: Call) -> Result:
    started = perf_counter()
    status = 500
    try:
        access = policy.decide(call)
        result = await EXECUTE[call.address.interaction](env, call, access)
        status = result.status
        if env.storage.rules.known > env.rules.generation:  # this process has altered them
            await env.current.refresh()
        return result
    except FhirError as error:
        status = error.status
        raise
    finally:
        env.measure(call.address.interaction, status, perf_counter() - started)


async def _batch(env: Env, call: Call, _access: Access) -> Result:
    return await batch.batch(env, call, run)


async def _transaction(env: Env, call: Call, access: Access) -> Result:
    return await transaction.transaction(env, call, access, _run)


EXECUTE: Mapping[Interaction, Execute] = {
    "read": read.read,
    "vread": vread.vread,
    "create": create.create,
    "update": update.update,
    "patch": patch.patch,
    "delete": delete.delete,
    "history-instance": history.history,
    "history-type": history.history,
    "history-system": history.history,
    "search-type": search.search,
    "search-system": search.search,
    "search-compartment": search.search,
    "capabilities": capabilities.capabilities,
    "operation": operation.operation,
    "batch": _batch,
    "transaction": _transaction,
}
"""What the server can do, one row for each interaction that an address can mean."""
