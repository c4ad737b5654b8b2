"""The entries of a search for contained resources: each in the place of its container, with the address of both.

Spec: https://hl7.org/fhir/R4/search.html#containedType
"""

from collections.abc import Sequence

from fhir_server.interactions.bundles import Entry
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call
from fhir_server.kernel.fhir_json import Raw, decode_stored, encode
from fhir_server.kernel.query import Access, Page
from fhir_server.kernel.types import Shown
from fhir_server.search import Inside, Request


async def entries_inside(
    env: Env, call: Call, request: Request, inside: Inside, hits: Sequence[Shown], access: Access
) -> list[Entry]:
    """Return an entry for each resource that matches: contained in one of the hits, or a hit itself."""
    finder = env.storage.finder.contained
    found = await finder.found(hits, inside.filters, access)
    whole = await finder.whole(hits, inside.filters, access) if inside.whole else frozenset[str]()
    entries: list[Entry] = []
    for version in hits:
        if version.reference in whole:
            entries.append(_entry(env, call, request, version.reference, version.json))
        if ids := found.get(version.reference):
            texts = {one.get("id"): one for one in decode_stored(version.json)["contained"]}
            entries += [_entry(env, call, request, f"{version.reference}#{id_}", encode(texts[id_])) for id_ in ids]
    return entries


async def total_inside(
    env: Env, request: Request, inside: Inside, page: Page, shown: int, access: Access
) -> int | None:
    """Return how many resources match in all, as far as asked: to count what lies on other pages has its price."""
    if request.query.position is None and page.next is None:
        return shown
    return None if request.results.total in (None, "none") else await count_inside(env, request, inside, access)


async def count_inside(env: Env, request: Request, inside: Inside, access: Access) -> int:
    """Return how many resources match: contained ones, and others where those count too."""
    count = await env.storage.finder.contained.count(request.query, inside.filters, access)
    if not inside.whole:
        return count
    return count + await env.storage.finder.count(inside.query, access)


def _entry(env: Env, call: Call, request: Request, reference: str, text: bytes) -> Entry:
    return {
        "fullUrl": f"{call.base_url}/{reference}",
        "resource": Raw(env.search.shaped(text, request.results)),
        "search": {"mode": "match"},
    }
