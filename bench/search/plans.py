"""How MongoDB carries out each search: the commands that the server sends, explained with what they look at.

Spec: https://www.mongodb.com/docs/manual/reference/explain-results/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import monitoring
from pymongo.asynchronous.database import AsyncDatabase

from bench.search.timing import call_of
from fhir_server.interactions.env import Env
from fhir_server.interactions.run import run
from fhir_server.kernel.errors import FhirError

_EXPLAINED = frozenset({"find", "aggregate", "count"})
_UNEXPLAINED_PARTS = frozenset({"lsid", "maxTimeMS", "txnNumber"})
_BLOCKING_SORT_OF = 2_000
"""Documents that a sort in memory may take before it counts as unbounded."""

_WASTED_KEYS, _WASTED_PART = 10_000, 20
"""Keys that may be read in vain, and how many for one hit."""


class Commands(monitoring.CommandListener):
    """Keeps the reading commands that are sent; register it before the client is made."""

    def __init__(self) -> None:
        self.seen: list[Mapping[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in _EXPLAINED:
            self.seen.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to keep."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to keep."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One command: the indexes that it reads, the keys and documents it looks at, and what comes of them.

    Shape: `sorted_in_memory` counts documents
    """

    command: str
    indexes: tuple[str, ...]
    keys: int
    documents: int
    returned: int
    milliseconds: int
    scans: bool
    sorted_in_memory: int

    @property
    def is_wasteful(self) -> bool:
        """Whether most of what it reads is in vain."""
        return self.keys > max(_WASTED_KEYS, _WASTED_PART * self.returned)

    @property
    def is_bad(self) -> bool:
        """Whether it reads a collection or an index for few hits, or sorts what can be any number of documents."""
        return self.scans or self.is_wasteful or self.sorted_in_memory > _BLOCKING_SORT_OF

    @property
    def remarks(self) -> str:
        """What to look at, in MongoDB's words where it has some."""
        found = {
            "COLLSCAN": self.scans,
            "SORT": self.sorted_in_memory > 0,
            "WASTE": self.is_wasteful,
        }
        return " ".join(word for word, is_so in found.items() if is_so)


@dataclass(frozen=True, slots=True)
class Explained:
    """A search and its commands; `error` when it was refused."""

    url: str
    plans: tuple[Plan, ...]
    error: str | None = None

    @property
    def is_bad(self) -> bool:
        return self.error is not None or any(plan.is_bad for plan in self.plans)


async def explained(env: Env, commands: Commands, url: str) -> Explained:
    """Run a search once and explain what it sent; `env` was opened with the listener registered."""
    error = None
    commands.seen.clear()
    try:
        await run(env, call_of(env, url))
    except FhirError as refused:
        error = f"{refused.status}: {'; '.join(issue.diagnostics for issue in refused.issues)}"
    # The server also looks for work of its own from time to time.
    sent = [one for one in commands.seen if next(iter(one.values())) in env.definitions.resource_types]
    return Explained(url, tuple([await _plan(env.storage.database, command) for command in sent]), error)


async def _plan(database: AsyncDatabase[dict[str, Any]], command: Mapping[str, Any]) -> Plan:
    plain = {
        name: value for name, value in command.items() if name not in _UNEXPLAINED_PARTS and not name.startswith("$")
    }
    name, target = next(iter(plain.items()))
    # The end of an open range is told as a time that Python has no type for.
    options = CodecOptions[dict[str, Any]](datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    answer = await database.command({"explain": plain, "verbosity": "executionStats"}, codec_options=options)
    return plan_of(f"{name} {target}", answer)


def plan_of(command: str, answer: Mapping[str, Any]) -> Plan:
    """Return what an answer to `explain` says; an aggregation may be told stage by stage: the first one reads."""
    cursor = answer["stages"][0]["$cursor"] if "stages" in answer else answer
    stats = cursor["executionStats"]
    planned = list(_stages(cursor["queryPlanner"]["winningPlan"]))
    sorts = any(one["stage"] == "SORT" for one in planned) or any("$sort" in one for one in answer.get("stages", ()))
    return Plan(
        command=command,
        indexes=tuple(dict.fromkeys(one["indexName"] for one in planned if "indexName" in one)),
        keys=stats["totalKeysExamined"],
        documents=stats["totalDocsExamined"],
        returned=stats["executionStages"].get("nCounted", stats["nReturned"]),
        milliseconds=stats["executionTimeMillis"],
        scans=any(one["stage"] == "COLLSCAN" for one in planned),
        sorted_in_memory=stats["totalDocsExamined"] if sorts else 0,
    )


def _stages(plan: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(plan, Mapping):
        if isinstance(plan.get("stage"), str):
            yield plan
        for part in plan.values():
            yield from _stages(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _stages(part)
