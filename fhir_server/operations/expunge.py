"""$expunge: removes for good what deletes and updates left in the history.

FHIR R4 has no such operation; its parameters are those by which other servers know it.
Spec: https://hl7.org/fhir/R4/http.html#delete
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeAlias

from conformance.definitions import OperationDefinition, OperationParameter
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.vread import version_number
from fhir_server.kernel.call import Call, Principal, Result
from fhir_server.kernel.errors import Conflict, Forbidden, Invalid, Issue, NotFound
from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.query import Access
from fhir_server.operations.definition import own_url
from fhir_server.operations.parameters import Arguments, checked
from fhir_server.storage.expunge import Expunger, Removal

DELETED, PREVIOUS, LIMIT = "expungeDeletedResources", "expungePreviousVersions", "limit"
DEFAULT_LIMIT, HIGHEST_LIMIT = 1_000, 10_000

_AT_ONCE = 4

Find: TypeAlias = Callable[[str, int], Coroutine[Any, Any, list[Removal]]]
"""Takes a resource type and how many versions may go at most, gives what to remove."""


async def expunge(env: Env, call: Call, access: Access) -> Result:
    """Return Parameters with the number of versions that were removed; with a limit, ask again until it is 0.

    Errors: Forbidden for who is not the administrator; Invalid where nothing says what to remove; NotFound for a
            resource or version that is not there, Conflict for the current version of a resource
    """
    if call.principal != Principal():
        raise Forbidden("$expunge destroys history: it is not for every principal")
    passed = checked(env.pipeline, OPERATION.definition, call.params, call.body)
    expunger = Expunger(env.storage.database, time_limit_s=env.settings.query_time_limit_ms / 1_000)
    if call.address.id is not None and await env.storage.reader.read(call.type, call.id, access) is None:
        raise NotFound(f"{call.type}/{call.id} is not known")
    if call.address.version_id is not None:
        return _counted(await expunger.remove(await _version(env, call, access)))
    finds = list(_finds(passed, expunger, access, call.address.id))
    if not finds:
        raise Invalid(Issue("required", f"say what to remove: {DELETED} or {PREVIOUS}", expression=DELETED))
    types = await env.storage.schema.stored_types() if call.address.type is None else [call.type]
    return _counted(await _removed(env, expunger, types, finds, _limit(passed)))


async def _version(env: Env, call: Call, access: Access) -> Removal:
    """Return the removal of the version that the URL names."""
    number = version_number(call)
    current = await env.storage.reader.read(call.type, call.id, access)
    if current is not None and current.version == number:
        raise Conflict("the current version cannot be expunged: delete the resource, then expunge it as a whole")
    if await env.storage.reader.read_version(call.type, call.id, number, access) is None:
        raise NotFound(f"{call.type}/{call.id} has no such version")
    return Removal(call.type, call.id, (number,))


def _finds(passed: Arguments, expunger: Expunger, access: Access, id_: str | None) -> Iterator[Find]:
    """Yield how to find what the parameters ask to remove: what goes as a whole first."""
    if passed.flag(DELETED):
        yield lambda type_, most: expunger.deleted(type_, access, id_=id_, most=most)
    if passed.flag(PREVIOUS):
        yield lambda type_, most: expunger.superseded(type_, access, id_=id_, most=most)


async def _removed(env: Env, expunger: Expunger, types: Sequence[str], finds: Sequence[Find], limit: int) -> int:
    """Remove what is found of some types, up to the limit; return how many versions that were."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def remove(removal: Removal) -> int:
        async with places, env.storage.turns.take(f"{removal.type}/{removal.id}"):
            try:
                return await expunger.remove(removal)
            except Conflict:
                return 0  # somebody was faster: it is no longer deleted, or no longer there

    count = 0
    for type_ in types:
        for find in finds:
            if count < limit:
                count += sum(await asyncio.gather(*map(remove, await find(type_, limit - count))))
    return count


def _limit(passed: Arguments) -> int:
    return min(passed.positive(LIMIT) or DEFAULT_LIMIT, HIGHEST_LIMIT)


def _counted(count: int) -> Result:
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "count", "valueInteger": count}]}
    return Result(200, body=encode(parameters))


OPERATION = Operation(
    OperationDefinition(
        code="expunge",
        url=own_url("expunge"),
        resources=("Resource",),
        system=True,
        type=True,
        instance=True,
        affects_state=True,
        parameters=(
            OperationParameter(DELETED, "in", type="boolean"),
            OperationParameter(PREVIOUS, "in", type="boolean"),
            OperationParameter(LIMIT, "in", type="integer"),
            OperationParameter("count", "out", min=1, type="integer"),
        ),
    ),
    expunge,
    versions=True,
)
