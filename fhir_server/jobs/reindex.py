"""reindex: every resource gets the index that the search parameters in force ask for, while the server goes on serving.

First a fence keeps out writes that follow older rules; then one walk over all current documents of a type is enough.
Spec: https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/async.html
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

from fhir_server.interactions.current import Current
from fhir_server.interactions.env import Env
from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.resources.indexing import Indexer
from fhir_server.storage import Indexed, Job, Stored

BREATH = 10
"""Resources that are indexed before requests get their turn: about a millisecond."""

Keep: TypeAlias = Callable[[Job], Awaitable[None]]
"""Stores how far the job has come."""


async def reindexed(job: Job, current: Current, keep: Keep) -> None:
    """Index anew what needs it, of the job's types or of all.

    When search parameters are altered in the meantime, what they touch is walked again by the new rules.
    """
    while due := await _due(job, current):
        env = current.env
        job = await _walked(job, env, due, keep)
        names = {type_: env.search.in_force.indexed_names(type_) for type_ in due}
        await env.storage.rules.finish(names, env.rules.generation)
        await current.refresh()


async def _due(job: Job, current: Current) -> list[str]:
    """Return the types of the job that do not follow the rules in force, in alphabetical order."""
    env = await current.refresh()
    pending = {parameter.type for parameter in env.search.in_force.pending}
    if untouched := _wanted(job, pending) - env.rules.touched.keys():
        # They were stored by a release that did not know user-defined parameters.
        await env.storage.rules.touch(untouched)
        env = await current.refresh()
    return sorted(_wanted(job, env.rules.touched.keys()))


def _wanted(job: Job, types: Collection[str]) -> set[str]:
    return set(types) & set(job.types) if job.types else set(types)


async def _walked(job: Job, env: Env, due: Sequence[str], keep: Keep) -> Job:
    """Walk all resources of some types by the rules of the Env; a job that was interrupted goes on where it was."""
    storage, generation = env.storage, env.rules.generation
    there = await storage.rules.fence(due, generation, lambda: keep(job))
    if job.generation != generation or job.at not in there:
        total = sum([await storage.walk.size(type_) for type_ in there])
        job = replace(job, generation=generation, at="", after="", done=0, total=total)
    for type_ in there:
        if type_ < job.at:
            continue
        if type_ != job.at:
            job = replace(job, at=type_, after="")
        await keep(job)
        while batch := await storage.walk.batch(type_, job.after, generation):
            await storage.walk.store(type_, await _indexed(batch, env.pipeline.indexer), generation)
            job = replace(job, after=batch[-1].id, done=job.done + len(batch))
            await keep(job)
    return job


async def _indexed(batch: Sequence[Stored], indexer: Indexer) -> list[Indexed]:
    found: list[Indexed] = []
    for number, stored in enumerate(batch):
        if stored.json is not None:
            new = indexer.index(decode_stored(stored.json))
            found.append(Indexed(stored.id, stored.version, new.index, new.compartments))
        if number % BREATH == 0:
            await asyncio.sleep(0)
    return found
