"""read: the current version of a resource.

Spec: https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#cread
"""

from dataclasses import replace

from fhir_server.interactions import binary
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import Gone, Invalid, NotFound
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Version
from fhir_server.resources.preconditions import not_modified
from fhir_server.search.results import results


async def read(env: Env, call: Call, access: Access) -> Result:
    """Return the current version, or status 304 when the caller already has it."""
    version = existing(await env.storage.reader.read(call.type, call.id, access), f"{call.type}/{call.id}")
    return await present(env, call, version)


def existing(version: Version | None, reference: str) -> Version:
    """Return the version; raise NotFound for what never existed (or is hidden), Gone for what was deleted."""
    if version is None:
        raise NotFound(f"{reference} is not known")
    if version.deleted:
        raise Gone(f"{reference} was deleted", headers={"ETag": f'W/"{version.version}"'})
    return version


async def present(env: Env, call: Call, version: Version) -> Result:
    """Return the result that serves one version: 304, the stored text, or the part of it that was asked for."""
    if not_modified(call.conditions, version):
        return Result(304, version=version)
    text = version.json if version.blob is None else await binary.restore(env.storage.blobs, version)
    if call.params:
        if call.prefer.handling == "strict":
            _check_elements(env, call)
        text = env.search.shape(text, call.params)
    return Result(200, body=text, version=version)


def _check_elements(env: Env, call: Call) -> None:
    """Raise Invalid when _elements names what the type does not have."""
    wanted = results(pair for pair in call.params if pair[0] == "_elements")
    if unknown := env.search.unknown_elements(wanted, (call.type,)):
        raise Invalid(*(replace(one, severity="error") for one in unknown))
