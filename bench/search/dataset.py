"""The data set of a size: made once through the server's own write path, kept in a folder, used again.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count, cycle
from multiprocessing import get_context
from pathlib import Path

import uvloop

from bench.material import material
from bench.search.copies import Template, copied, template
from conformance.load import definitions
from conformance.walk import Validator
from fhir_server.kernel.ids import uuid7_source
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import Change
from fhir_server.resources.indexing import Indexer
from fhir_server.resources.prepare import Pipeline
from fhir_server.search import Search
from fhir_server.storage import open_storage
from fhir_server.storage.embedded import Mongod

SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
FOLDER = Path(".bench")
DATABASE = "search"

_CACHE_GB = 6.0
_PROCESSES = 2
_UNDER_WAY = 3
_PATIENT_MS = 60_000


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that can be searched; `pid` is its mongod's."""

    settings: Settings
    pid: int
    seconds: float | None
    """How long it took to make; None when it was there."""


@asynccontextmanager
async def data_set(size: str, *, anew: bool = False) -> AsyncIterator[DataSet]:
    """Yield the data set of a size for the length of the block; `anew` throws away what was kept."""
    folder = FOLDER / f"search-{size}"
    complete = folder / "complete"
    if anew or not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
    mongod = await Mongod.start(Settings(data=folder, mongo_cache_gb=_CACHE_GB))
    try:
        settings = Settings(mongo=mongod.uri, database=DATABASE, log_level="warning")
        seconds = None
        if not complete.exists():
            started = asyncio.get_running_loop().time()
            await _make(settings, SIZES[size])
            seconds = asyncio.get_running_loop().time() - started
            complete.touch()
        yield DataSet(settings, mongod.process.pid, seconds)
    finally:
        await mongod.stop()


async def _make(settings: Settings, size: int) -> None:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(_PROCESSES, get_context("spawn")) as pool:
        shares = [loop.run_in_executor(pool, _fill, settings, size, share) for share in range(_PROCESSES)]
        await asyncio.gather(*shares)


def _fill(settings: Settings, size: int, share: int) -> None:
    """Store one process's share of the copies, in this process."""
    uvloop.run(_store(replace(settings, query_time_limit_ms=_PATIENT_MS), size, share))


async def _store(settings: Settings, size: int, share: int) -> None:
    rules = definitions()
    pipeline, new_id = Pipeline(Validator(rules), Indexer(rules)), uuid7_source()
    work = _share([template(bundle) for bundle in material().bundles], size, share)

    async with open_storage(settings, Search(rules).indexes) as storage:

        async def pull() -> None:
            for original, seed in work:
                now = datetime.now(UTC)
                drafts = (
                    pipeline.draft(resource, id_, method="POST", now=now, replaces=None)
                    for id_, resource in copied(original, seed, new_id)
                )
                await storage.writer.commit([Change(draft) for draft in drafts])

        await asyncio.gather(*(pull() for _ in range(_UNDER_WAY)))


def _share(templates: Sequence[Template], size: int, share: int) -> Iterator[tuple[Template, int]]:
    """Yield what to copy with which seed, until all shares together have enough resources."""
    planned = 0
    for original, seed in zip(cycle(templates), count(), strict=False):
        if planned >= size:
            return
        planned += len(original)
        if seed % _PROCESSES == share:
            yield original, seed
