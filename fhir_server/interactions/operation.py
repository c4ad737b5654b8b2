"""operation: which of the registered operations a call means, and whether it may be called there.

Spec: https://hl7.org/fhir/R4/operations.html
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.definitions import OperationDefinition
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import Issue, MethodNotAllowed, NotFound
from fhir_server.kernel.query import Access

if TYPE_CHECKING:
    from fhir_server.interactions.env import Env


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that the server has: what the definition says of it, and the function that does it."""

    definition: OperationDefinition
    execute: "Callable[[Env, Call, Access], Awaitable[Result]]"


async def operation(env: "Env", call: Call, access: Access) -> Result:
    """Return what an operation answers.

    Errors: NotFound for one that is not there, or not on this type or level; MethodNotAllowed for a GET of one that
            changes what is stored
    """
    name = call.address.operation or ""
    found = env.operations.get(name)
    if found is None or not _is_there(found.definition, call):
        raise NotFound(Issue("not-supported", f"there is no operation ${name[:60]} here"))
    if found.definition.affects_state and call.method != "POST":
        raise MethodNotAllowed(f"${name} changes what is stored: POST it", headers={"Allow": "POST"})
    return await found.execute(env, call, access)


def _is_there(definition: OperationDefinition, call: Call) -> bool:
    """Tell whether the level and type of a call are among those of the definition."""
    address = call.address
    if address.type is None:
        return definition.system
    if not {address.type, "Resource"} & set(definition.resources):
        return False
    return definition.type if address.id is None else definition.instance
