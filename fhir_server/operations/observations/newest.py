"""The Observations that $lastn and $stats work on: those that a search finds, all at once.

Spec: https://hl7.org/fhir/R4/observation.html#search
"""

from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Params
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Version
from fhir_server.search import Asked, Context

READ_AT_MOST = 10_000


async def newest_first(env: Env, call: Call, access: Access, params: Params) -> list[Version]:
    """Return the Observations that search parameters mean, by clinical date; those without date come last.

    Errors: Invalid or NotSupported for parameters that search does not understand, TooCostly for too many hits
    """
    asked = Asked(
        types=("Observation",),
        params=(*params, ("_sort", "-date")),
        path="Observation",
        context=Context(now=env.clock(), base_url=call.base_url),
        strict=True,
    )
    query = env.search.request(asked, key=env.cursor_key).query
    found = await env.storage.finder.first(query, access, limit=READ_AT_MOST + 1)
    if len(found) > READ_AT_MOST:
        raise TooCostly(f"these are more than {READ_AT_MOST} Observations: narrow them down by code, category or date")
    return found
