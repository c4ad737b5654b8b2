"""The tasks of a process beside its requests; they begin and end with it.

Spec: https://hl7.org/fhir/R4/async.html
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fhir_server.interactions.env import Env
from fhir_server.jobs.runner import work
from fhir_server.kernel.tasks import ended

EVERY_S = 1.0
"""How often a process looks whether search parameters were altered elsewhere, and whether a job waits."""

_LOGGER = logging.getLogger("fhir_server.jobs")


@asynccontextmanager
async def jobs_at_work(env: Env) -> AsyncIterator[None]:
    """Follow the rules of indexing and run jobs as long as the block runs."""
    owner = env.new_id()
    steps = {"search parameters": env.current.refresh, "jobs": lambda: work(env.current, owner)}
    tasks = [asyncio.create_task(_again_and_again(name, step, EVERY_S)) for name, step in steps.items()]
    try:
        yield
    finally:
        await ended(*tasks)


async def _again_and_again(name: str, step: Callable[[], Awaitable[object]], every_s: float) -> None:
    failing = False
    while True:
        try:
            await step()
            failing = False
        except Exception as error:  # the loop: whatever failed, the next look may find the database back
            if not failing:
                fields = {"task": name, "error": type(error).__name__}
                _LOGGER.warning("background task failed", extra={"fields": fields})
            failing = True
        await asyncio.sleep(every_s)
