"""$meta: the profiles, tags and security labels of a resource or version, or those in use on a type or the server.

Spec: https://hl7.org/fhir/R4/resource-operation-meta.html
"""

import asyncio
from functools import reduce

from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.read import existing
from fhir_server.interactions.vread import version_number
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource, Version
from fhir_server.operations.definition import standard
from fhir_server.operations.labels import added, meta_of, meta_result
from fhir_server.operations.parameters import checked
from fhir_server.storage.find.one_of_each import one_of_each

_LABELS = ("_profile", "_security", "_tag")
_AT_ONCE = 8


async def meta(env: Env, call: Call, access: Access) -> Result:
    """Return the meta as Parameters; that of a type or of the server has only labels.

    Errors: NotFound or Gone for the resource, TooCostly where too many different labels are in use, NotSupported for
            any parameter
    """
    checked(env.pipeline, OPERATION.definition, call.params, call.body)
    if call.address.id is None:
        return meta_result(await _in_use(env, call.address.type, access))
    version = existing(await _version(env, call, access), f"{call.type}/{call.id}")
    return meta_result(meta_of(version), version)


async def _version(env: Env, call: Call, access: Access) -> Version | None:
    if call.address.version_id is None:
        return await env.storage.reader.read(call.type, call.id, access)
    return await env.storage.reader.read_version(call.type, call.id, version_number(call), access)


async def _in_use(env: Env, type_: str | None, access: Access) -> Resource:
    """Return the labels of all current versions of a type or of all types, each label once."""
    types = await env.storage.schema.stored_types() if type_ is None else [type_]
    places = asyncio.Semaphore(_AT_ONCE)

    async def labelled(type_: str, code: str) -> list[Version]:
        path = env.search.registry[type_][code].field.path
        async with places:
            return await one_of_each(
                env.storage.database, type_, path, access, time_limit_ms=env.settings.query_time_limit_ms
            )

    groups = await asyncio.gather(*(labelled(type_, code) for type_ in types for code in _LABELS))
    return reduce(added, (meta_of(version) for group in groups for version in group), {})


OPERATION = Operation(standard("meta", "Resource"), meta, versions=True)
