"""One job after the other: claimed, done step by step, its progress kept; after a crash another process goes on.

Spec: https://hl7.org/fhir/R4/async.html
"""

import logging
import traceback
from contextlib import suppress
from dataclasses import replace

from fhir_server.interactions.current import Current
from fhir_server.jobs.reindex import reindexed
from fhir_server.kernel.errors import FhirError, Unavailable
from fhir_server.storage import Job

_LOGGER = logging.getLogger("fhir_server.jobs")


class _Lost(Exception):
    """The job is no longer this process's: it was cancelled, or another has it as this one was silent for too long."""


async def work(current: Current, owner: str) -> None:
    """Do all jobs that no living process has, if this process gets them.

    Errors: Unavailable when the database is away; the job stays claimed until its lease ends
    """
    jobs = current.env.storage.jobs
    while (job := await jobs.claim(owner)) is not None:
        with suppress(_Lost):
            await _run(job, current, owner)


async def _run(job: Job, current: Current, owner: str) -> None:
    jobs, clock = current.env.storage.jobs, current.env.clock
    newest = job

    async def keep(progress: Job) -> None:
        nonlocal newest
        newest = progress
        if not await jobs.keep(progress, owner):
            raise _Lost

    try:
        await reindexed(job, current, keep)
        await keep(replace(newest, state="done", finished=clock()))
    except (Unavailable, _Lost):
        raise
    except Exception as error:  # the job loop: a job that cannot be done must not be tried for ever
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"  # no text of the error: it may hold what a client sent
        _LOGGER.error("job failed", extra={"fields": {"job": job.id, "error": type(error).__name__, "at": where}})
        problem = str(error) if isinstance(error, FhirError) else "the server failed; its log tells why"
        await keep(replace(newest, state="failed", finished=clock(), problem=problem))
    finally:
        # Also when this process is told to end: the next one need not wait for the lease to end.
        await jobs.release(newest, owner)
