"""vread: one version of a resource, current or superseded.

Spec: https://hl7.org/fhir/R4/http.html#vread
"""

from fhir_server.interactions.env import Env
from fhir_server.interactions.read import existing, present
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import NotFound
from fhir_server.kernel.query import Access


async def vread(env: Env, call: Call, access: Access) -> Result:
    """Return the version that the URL names.

    Errors: NotFound for a version that never was, Gone for the one that a delete made
    """
    version = await env.storage.reader.read_version(call.type, call.id, version_number(call), access)
    if version is None:
        raise NotFound(f"{call.type}/{call.id} has no such version")
    return await present(env, call, existing(version, f"{call.type}/{call.id}"))


def version_number(call: Call) -> int:
    """Return the number of the version that the URL names; raise NotFound for what can be none.

    Version ids are the decimal numbers that this server gave: "01" and "²" name nothing.
    """
    name = call.address.version_id or ""
    if not (name.isascii() and name.isdigit() and len(name) < 10 and str(int(name)) == name):
        raise NotFound(f"{call.type}/{call.id} has no such version")
    return int(name)
