"""operation: which of the registered operations a call means, and whether it may be called there.

Spec: https://hl7.org/fhir/R4/operations.html
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from conformance.definitions import OperationDefinition
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import Issue, MethodNotAllowed, NotFound
from fhir_server.kernel.query import Access

if TYPE_CHECKING:
    from fhir_server.interactions.env import Env

    Execute: TypeAlias = Callable[[Env, Call, Access], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that the server has: what the definition says of it, and the function that does it.

    `versions` tells that it can also be called on one version of a resource; `cancel` is what a DELETE of the
    operation's URL does, where that tells of something that goes on in the background.
    """

    definition: OperationDefinition
    execute: "Execute"
    versions: bool = False
    cancel: "Execute | None" = None


async def operation(env: "Env", call: Call, access: Access) -> Result:
    """Return what an operation answers.

    Errors: NotFound for one that is not there, or not on this type or level; MethodNotAllowed for a GET of one that
            changes what is stored, and for a DELETE where there is nothing to cancel
    """
    name = call.address.operation or ""
    named = (one for one in env.operations.values() if one.definition.code == name)
    found = next((one for one in named if _is_there(one, call)), None)
    if found is None:
        raise NotFound(Issue("not-supported", f"there is no operation ${name[:60]} here"))
    if call.method == "DELETE" and found.cancel is not None:
        return await found.cancel(env, call, access)
    _check_method(found, call)
    return await found.execute(env, call, access)


def _check_method(found: Operation, call: Call) -> None:
    name = found.definition.code
    if found.definition.affects_state and call.method != "POST":
        raise MethodNotAllowed(f"${name} changes what is stored: POST it", headers={"Allow": "POST"})
    if call.method == "DELETE":
        raise MethodNotAllowed(f"${name} cannot be cancelled: GET or POST it", headers={"Allow": "GET, HEAD, POST"})


def _is_there(operation: Operation, call: Call) -> bool:
    """Tell whether the level and type of a call are among those of the operation."""
    address, definition = call.address, operation.definition
    if address.type is None:
        return definition.system
    if not {address.type, "Resource"} & set(definition.resources):
        return False
    if address.id is None:
        return definition.type
    return definition.instance and (operation.versions or address.version_id is None)
