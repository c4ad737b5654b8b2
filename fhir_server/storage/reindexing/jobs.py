"""Jobs that outlive requests and processes: one process at a time holds the lease and notes how far it came.

Leases are compared by the database's clock alone, so those of the servers need not agree.
Spec: https://hl7.org/fhir/R4/async.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Unavailable
from fhir_server.storage import translate
from fhir_server.storage.document import READING

LEASE_S = 10
"""How long a process that says nothing more is waited for; it speaks after every batch."""

KEPT_S = 30 * 24 * 3_600
FINISHED_AT = "finished"
_OWNER, _UNTIL = "owner", "until"
_OPEN = {"state": {"$in": ["queued", "running"]}}

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """A request to index anew.

    Shape: `types` to walk, none for all that need it; of `total` resources `done` were seen; up to `after` of `at`
           everything follows `generation`; `problem` says why it failed
    """

    id: str
    created: datetime
    types: tuple[str, ...] = ()
    state: State = "queued"
    generation: int = 0
    at: str = ""
    after: str = ""
    done: int = 0
    total: int = 0
    finished: datetime | None = None
    problem: str | None = None


class Jobs:
    """The jobs of all servers over one database."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._collection = database.with_options(codec_options=READING)[layout.JOBS]

    async def add(self, job: Job) -> None:
        """Store a new job."""
        with translate.errors(slow=Unavailable):
            await self._collection.insert_one({layout.ID: job.id, "created": job.created, **_progress(job)})

    async def get(self, id_: str) -> Job | None:
        """Return a job, None when there is none (any more)."""
        with translate.errors(slow=Unavailable):
            document = await self._collection.find_one({layout.ID: id_})
        return None if document is None else _job(document)

    async def claim(self, owner: str) -> Job | None:
        """Return the oldest open job, now this owner's; None when there is none, or a living process has it."""
        with translate.errors(slow=Unavailable):
            first = await self._collection.find_one(_OPEN, sort=[("created", 1), (layout.ID, 1)])
            if first is None:
                return None
            free = {"$expr": {"$lt": [f"${_UNTIL}", "$$NOW"]}}  # what is not there is less than any instant
            document = await self._collection.find_one_and_update(
                {layout.ID: first[layout.ID], **_OPEN, **free},
                [{"$set": {"state": "running", _OWNER: owner, _UNTIL: _until()}}],
                return_document=pymongo.ReturnDocument.AFTER,
            )
        return None if document is None else _job(document)

    async def keep(self, job: Job, owner: str) -> bool:
        """Store how far a job came and hold it on; tell whether it is still this owner's."""
        with translate.errors(slow=Unavailable):
            result = await self._collection.update_one(
                {layout.ID: job.id, _OWNER: owner}, [{"$set": {**_literal(_progress(job)), _UNTIL: _until()}}]
            )
        return result.matched_count == 1

    async def cancel(self, id_: str, at: datetime) -> bool:
        """End a job that is open; tell whether it was. Who has it learns that it is lost when it next keeps it."""
        ending = {"$set": {"state": "cancelled", FINISHED_AT: at}, "$unset": {_OWNER: "", _UNTIL: ""}}
        with translate.errors(slow=Unavailable):
            return (await self._collection.update_one({layout.ID: id_, **_OPEN}, ending)).matched_count == 1

    async def release(self, job: Job, owner: str) -> None:
        """Let any process go on with a job at once."""
        with translate.errors(slow=Unavailable):
            await self._collection.update_one({layout.ID: job.id, _OWNER: owner}, {"$unset": {_OWNER: "", _UNTIL: ""}})


async def expire(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Make the index by which MongoDB removes jobs that ended long ago."""
    await database[layout.JOBS].create_index(FINISHED_AT, name="expiry", expireAfterSeconds=KEPT_S)


def _until() -> Mapping[str, Any]:
    return {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": LEASE_S}}


def _literal(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"$literal": value} for name, value in values.items()}


def _progress(job: Job) -> dict[str, Any]:
    return {
        "types": list(job.types),
        "state": job.state,
        "generation": job.generation,
        "at": job.at,
        "after": job.after,
        "done": job.done,
        "total": job.total,
        FINISHED_AT: job.finished,
        "problem": job.problem,
    }


def _job(document: Mapping[str, Any]) -> Job:
    return Job(
        document[layout.ID],
        document["created"],
        tuple(document["types"]),
        document["state"],
        document["generation"],
        document["at"],
        document["after"],
        document["done"],
        document["total"],
        document[FINISHED_AT],
        document["problem"],
    )
