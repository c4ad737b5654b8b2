"""What every write shares: the next version, the turn it waits for, the answer it gives.

Spec: https://hl7.org/fhir/R4/http.html#versioning
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from fhir_server.interactions import binary
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import Conflict, Forbidden, Issue
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Change, Method, Resource, Version
from fhir_server.resources.versioning import unchanged

ATTEMPTS = 10
"""How often a write starts again because another process was faster, before the caller gets 409."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.25

Answer = TypeVar("Answer")


async def in_turn(
    env: Env, keys: Iterable[str], attempt: Callable[[], Awaitable[Answer]], *, attempts: int = ATTEMPTS
) -> Answer:
    """Return what `attempt` returns, run when no other write of this process holds one of the keys.

    Another process may still be faster: then the commit raises Conflict and the attempt reads and decides anew.
    """
    async with env.storage.turns.take(*keys):
        for number in range(attempts - 1):
            try:
                return await attempt()
            except Conflict:
                # The other one needs a moment, and not the same moment as everybody else who waits for it.
                await asyncio.sleep(random.uniform(0.5, 1.5) * min(_PAUSE_S * 2**number, _LONGEST_PAUSE_S))
        return await attempt()


@dataclass(frozen=True, slots=True)
class Replacement:
    """A checked resource that is to take the place of `current` (None: nothing was ever stored there).

    `now` is the instant of its commit: all versions that a transaction makes have one.
    """

    resource: Resource
    id: str
    method: Method
    now: datetime
    current: Version | None = None


async def next_version(env: Env, wanted: Replacement) -> Change | None:
    """Return the change that stores a resource; None when it would repeat what is stored."""
    resource, current = wanted.resource, wanted.current
    if (
        env.settings.no_change_makes_no_version
        and current is not None
        and not current.deleted
        and unchanged(resource, current)
    ):
        return None
    resource, blob = await binary.offload(env.storage.blobs, resource)
    draft = env.pipeline.draft(resource, wanted.id, method=wanted.method, now=wanted.now, replaces=current)
    if blob is not None:
        draft = replace(draft, version=replace(draft.version, blob=blob))
    return Change(draft, current)


def check_visible(access: Access, change: Change) -> None:
    """Raise Forbidden when the caller would write what its access rule hides from it."""
    version = change.draft.version
    if not access.allows(version.compartments, version.security):
        raise Forbidden("this version would be outside of what the caller may see")


def location(call: Call, version: Version) -> str:
    """Return the absolute, versioned URL of a stored version."""
    return f"{call.base_url}/{version.reference}/_history/{version.version}"


async def written(env: Env, call: Call, version: Version, *, created: bool, issues: tuple[Issue, ...] = ()) -> Result:
    """Return the answer to a create, update or patch that stored (or already found) `version`."""
    body = version.json if version.blob is None else await binary.restore(env.storage.blobs, version)
    return Result(
        201 if created else 200,
        body=body,
        version=version,
        location=location(call, version),
        issues=issues,
    )
