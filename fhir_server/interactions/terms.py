"""What a search means when its values name value sets or codes of a hierarchy: those are read first.

Spec: https://hl7.org/fhir/R4/search.html#modifiers
"""

from conformance.reference_text import split_reference
from fhir_server.interactions.env import Env
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource, Version
from fhir_server.search import Asked, Request
from fhir_server.search.expansion import Canonical, Unread
from fhir_server.search.syntax import escape

MOST_READ = 50
"""Terminology resources that one search may need."""

_VERSIONS = 20


async def understood(env: Env, asked: Asked, read: dict[Canonical, Resource | None], access: Access) -> Request:
    """Return what a search means; stored ValueSets and CodeSystems that it needs are read as the caller may see them.

    Shape:  `read` is what the search's terminology looks into, empty at first
    Errors: those of `Search.request`, TooCostly when it needs too many resources
    """
    while True:
        try:
            return env.search.request(asked, key=env.cursor_key)
        except Unread as missing:
            if len(read) >= MOST_READ:
                raise TooCostly(f"the search needs more than {MOST_READ} value sets and code systems") from None
            read[missing.canonical] = await _stored(env, missing.canonical, asked.context.base_url, access)


async def _stored(env: Env, canonical: Canonical, base_url: str, access: Access) -> Resource | None:
    """Return the stored resource of an address: of several versions an active one, the newest of those."""
    link = split_reference(canonical.url)
    if link is not None and link.type == canonical.type and link.base in (None, base_url):
        version = await env.storage.reader.read(link.type, link.id, access)
        if version is not None and not version.deleted:
            resource: Resource = decode_stored(version.json)
            return resource
    url, _, number = canonical.url.partition("|")
    params = (("url", escape(url)), *((("version", escape(number)),) if number else ()))
    query = env.search.criteria(canonical.type, params, base_url)
    found = await env.storage.finder.first(query, access, limit=_VERSIONS)
    best = max(((decode_stored(one.json), one) for one in found), key=_preference, default=None)
    return None if best is None else best[0]


def _preference(candidate: tuple[Resource, Version]) -> tuple[bool, object]:
    resource, version = candidate
    return resource.get("status") == "active", version.updated
