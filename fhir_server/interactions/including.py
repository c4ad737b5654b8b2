"""What goes with the hits of a search: the resources that _include and _revinclude lead to.

Spec: https://hl7.org/fhir/R4/search.html#include
"""

import asyncio
from collections.abc import Sequence

from fhir_server.interactions.env import Env
from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Shown, Version
from fhir_server.search import Include

INCLUDED_AT_MOST = 1_000
ROUNDS = 10
"""How far :iterate follows links: cycles end by themselves, chains of new resources end here."""


async def included(
    env: Env, includes: Sequence[Include], hits: Sequence[Shown], access: Access, base_url: str
) -> tuple[list[Version], bool]:
    """Return the resources that go with the hits, each once and none that is a hit; and whether some are missing."""
    if not includes or not hits:
        return [], False
    known = {version.reference for version in hits}
    found: list[Version] = []
    leading: Sequence[Shown] = hits
    wanted = includes
    for _ in range(ROUNDS):
        fresh = [
            version
            for version in await _followed(env, wanted, leading, access, base_url)
            if version.reference not in known
        ]
        newest = list({version.reference: version for version in fresh}.values())
        if not newest:
            return found, False
        if len(found) + len(newest) > INCLUDED_AT_MOST:
            return [*found, *newest][:INCLUDED_AT_MOST], True
        known.update(version.reference for version in newest)
        found += newest
        leading = newest
        wanted = [include for include in includes if include.iterate]
        if not wanted:
            return found, False
    return found, True


async def _followed(
    env: Env, includes: Sequence[Include], versions: Sequence[Shown], access: Access, base_url: str
) -> list[Version]:
    """Return what some resources link to and are linked from, by one step."""
    follower = env.search.follower
    forward = [include for include in includes if not include.reverse]
    links = follower.links([decode_stored(version.json) for version in versions], forward, base_url) if forward else []
    addresses = [(version.type, version.id) for version in versions]
    queries = follower.reverse(addresses, includes, base_url, INCLUDED_AT_MOST + 1)
    linked = await env.storage.reader.read_many(links, access)
    linking = await asyncio.gather(*(env.storage.finder.first(query, access, limit=query.count) for query in queries))
    living = [version for version in linked.values() if not version.deleted]
    return living + [version for group in linking for version in group]
