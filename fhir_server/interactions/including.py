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
from fhir_server.search.includes import Link

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
        followed = await _followed(env, wanted, leading, access, base_url)
        fresh = {name: version for name, version in followed.items() if name not in known}
        newest = list(fresh.values())
        if not newest:
            return found, False
        if len(found) + len(newest) > INCLUDED_AT_MOST:
            return [*found, *newest][:INCLUDED_AT_MOST], True
        known.update(fresh)
        found += newest
        leading = newest
        wanted = [include for include in includes if include.iterate]
        if not wanted:
            return found, False
    return found, True


async def _followed(
    env: Env, includes: Sequence[Include], versions: Sequence[Shown], access: Access, base_url: str
) -> dict[str, Version]:
    """Return what some resources link to and are linked from, by one step: by reference, as "Patient/1".

    A reference that names an older version leads to this one, as "Patient/1/_history/2", as long as it is there.
    """
    follower = env.search.follower
    resources = [decode_stored(version.json) for version in versions] if follower.reads(includes) else []
    links = follower.links(resources, includes, base_url)
    addresses = [(version.type, version.id) for version in versions]
    queries = [
        *follower.reverse(addresses, includes, base_url, INCLUDED_AT_MOST + 1),
        *follower.by_url(resources, includes, INCLUDED_AT_MOST + 1),
    ]
    current = await env.storage.reader.read_many([(type_, id_) for type_, id_, _ in links], access)
    found = [await _named(env, link, current.get(link[:2]), access) for link in links]
    linking = await asyncio.gather(*(env.storage.finder.first(query, access, limit=query.count) for query in queries))
    living = {name: version for name, version in found if version is not None and not version.deleted}
    return living | {version.reference: version for group in linking for version in group}


async def _named(env: Env, link: Link, current: Version | None, access: Access) -> tuple[str, Version | None]:
    """Return the version that a link names, with its name; the current one where it names no other that is there."""
    type_, id_, number = link
    if current is not None and not current.deleted and number not in (None, current.version):
        older = await env.storage.reader.read_version(type_, id_, number, access)
        if older is not None:
            return f"{older.reference}/_history/{number}", older
    return f"{type_}/{id_}", current
