"""Writes: concurrent commits share one transaction, lone inserts share one insert; each succeeds or fails for itself.

A commit is all or nothing: current versions, history and guards together. The version in the filter of each replacement
decides races: who comes second matches nothing.
Spec: https://hl7.org/fhir/R4/http.html#concurrency, https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pymongo
from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, PyMongoError

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Conflict, FhirError, TooCostly, Unavailable
from fhir_server.kernel.types import Alteration, Change, Guard
from fhir_server.storage import document, guards, transaction, translate
from fhir_server.storage.coalesce import Coalescer, Limits
from fhir_server.storage.read import Observe
from fhir_server.storage.reindexing import Rules
from fhir_server.storage.schema import Schema

_BREATH = 100
"""Changes that are encoded before other requests get their turn on the event loop."""

_CHUNK = 500
"""Documents of one command inside of a transaction: keeps the event loop responsive."""

_LARGE = 200
"""Commits with more changes than this share their transaction with nobody."""

_CHANGES_PER_S, _LONGEST_S = 200, 50.0
"""A large commit gets more time; MongoDB itself ends a transaction after 60 s."""

_ALONE_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class _Step:
    """One change, encoded: `replaces` is the number of the version that must still be current."""

    type: str
    id: str
    current: RawBSONDocument
    replaces: int | None
    history: RawBSONDocument | None


@dataclass(frozen=True, slots=True)
class _Commit:
    steps: tuple[_Step, ...]
    guards: tuple[Guard, ...]
    alteration: Alteration | None = None

    @property
    def lone_insert(self) -> bool:
        alone = len(self.steps) == 1 and self.steps[0].replaces is None
        return alone and not self.guards and self.alteration is None

    @property
    def keys(self) -> frozenset[tuple[str, str]]:
        return frozenset([(step.type, step.id) for step in self.steps] + [("", guard.key) for guard in self.guards])

    @property
    def size(self) -> int:
        parts = [part for step in self.steps for part in (step.current, step.history) if part is not None]
        return sum(len(part.raw) for part in parts)


class Writer:
    """Stores changes; the answer to a commit comes when a majority of the replica set has it in its journal."""

    def __init__(
        self,
        database: AsyncDatabase[dict[str, Any]],
        schema: Schema,
        rules: Rules,
        *,
        native_copy: bool,
        time_limit_s: float,
        observe: Observe,
    ) -> None:
        self._database = database
        self._schema = schema
        self._rules = rules
        self._native_copy = native_copy
        self._time_limit_s = time_limit_s
        self._observe = observe
        self._inserts: Coalescer[_Commit, None] = Coalescer(self._insert, Limits())
        # A second one beside it makes both small, which is more work for the server and for MongoDB; but to wait for
        # more than four lets the slowest wait longer and saves nothing (measured: 99th percentile 101 ms, 131 at 8).
        self._transactions: Coalescer[_Commit, None] = Coalescer(self._transact, Limits(worth=4))

    async def commit(self, changes: Sequence[Change], guards: Sequence[Guard] = ()) -> None:
        """Store all changes, or none.

        Errors: Conflict when a replaced version is no longer current, an id is taken or a guard moved; TooLarge,
                Unprocessable for what MongoDB cannot hold; Outdated when a change follows search parameters that were
                altered; TooCostly, Unavailable
        """
        if not changes and not guards:
            return
        await self._schema.ensure({change.draft.version.type for change in changes})
        commit = _Commit(await self._encoded(changes), tuple(guards), _alteration(changes))
        if len(commit.steps) > _LARGE:
            self._observe("commit", 1)
            await self._store([commit])
        elif commit.lone_insert:
            await self._inserts.ask(commit, keys=commit.keys, size=commit.size)
        else:
            await self._transactions.ask(commit, keys=commit.keys, size=commit.size)

    async def idle(self) -> None:
        """Return when no write is on its way."""
        await self._inserts.idle()
        await self._transactions.idle()

    async def _encoded(self, changes: Sequence[Change]) -> tuple[_Step, ...]:
        steps: list[_Step] = []
        for number, change in enumerate(changes, 1):
            version, replaces = change.draft.version, change.replaces
            steps.append(
                _Step(
                    version.type,
                    version.id,
                    document.current(change.draft, native_copy=self._native_copy),
                    None if replaces is None else replaces.version,
                    None if replaces is None else document.superseded(replaces, change.draft),
                )
            )
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        return tuple(steps)

    # Lone inserts: atomic by themselves, so they need no transaction.

    async def _insert(self, commits: Sequence[_Commit]) -> Sequence[Exception | None]:
        self._observe("insert", len(commits))
        answers: list[Exception | None] = [None] * len(commits)
        by_type: dict[str, list[int]] = {}
        for place, commit in enumerate(commits):
            by_type.setdefault(commit.steps[0].type, []).append(place)

        async def insert(type_: str, places: list[int]) -> None:
            failed = await self._insert_type(type_, [commits[place].steps[0].current for place in places])
            for index, error in failed.items():
                answers[places[index]] = error

        await asyncio.gather(*(insert(type_, places) for type_, places in by_type.items()))
        return answers

    async def _insert_type(self, type_: str, documents: list[RawBSONDocument]) -> dict[int, Exception]:
        """Return the errors by place; the other documents are stored."""
        try:
            with pymongo.timeout(self._limit(len(documents))):
                await self._database[type_].insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _failures(error, len(documents))
        except PyMongoError as error:
            kernel_error = translate.translated(error, slow=Unavailable)
            if isinstance(kernel_error, Unavailable) or len(documents) == 1:
                return dict.fromkeys(range(len(documents)), kernel_error)
        else:
            return {}
        # The command as a whole was refused, so nothing is stored: only the guilty document may suffer for it.
        single = [await self._insert_type(type_, [one]) for one in documents]
        return {place: errors[0] for place, errors in enumerate(single) if errors}

    # Everything else: one transaction for all commits of a batch.

    async def _transact(self, commits: Sequence[_Commit]) -> Sequence[Exception | None]:
        self._observe("commit", len(commits))
        error = await self._tried(commits)
        if error is None or isinstance(error, Unavailable) or len(commits) == 1:
            return [error] * len(commits)
        places = asyncio.Semaphore(_ALONE_AT_ONCE)

        async def alone(commit: _Commit) -> FhirError | None:
            async with places:
                return await self._tried([commit])

        return await asyncio.gather(*(alone(commit) for commit in commits))

    async def _tried(self, commits: Sequence[_Commit]) -> FhirError | None:
        try:
            await self._store(commits)
        except FhirError as error:
            return error
        return None

    async def _store(self, commits: Sequence[_Commit]) -> None:
        """Store all commits in one transaction."""
        steps = [step for commit in commits for step in commit.steps]
        promises = [guard for commit in commits for guard in commit.guards]
        alterations = [commit.alteration for commit in commits if commit.alteration is not None]

        async def work(session: AsyncClientSession) -> None:
            if alterations:
                await self._rules.alter(alterations, session)
            for some in _chunks(promises):
                await self._database[layout.GUARDS].bulk_write(
                    [guards.taking(guard) for guard in some], session=session
                )
            for type_ in sorted({step.type for step in steps}):
                await self._store_type(type_, [step for step in steps if step.type == type_], session)

        await transaction.run(
            self._database.client,
            work,
            time_limit_s=self._limit(len(steps)),
            slow=TooCostly if len(steps) > _LARGE else Unavailable,
        )
        self._rules.known = max((one.generation + 1 for one in alterations), default=self._rules.known)

    def _limit(self, changes: int) -> float:
        """Return the seconds that a transaction may take."""
        if changes <= _LARGE:
            return min(self._time_limit_s, translate.PATIENCE_S)
        return max(self._time_limit_s, min(_LONGEST_S, self._time_limit_s + changes / _CHANGES_PER_S))

    async def _store_type(self, type_: str, steps: list[_Step], session: AsyncClientSession) -> None:
        current, history = self._database[type_], self._database[layout.history_collection(type_)]
        for some in _chunks([step.current for step in steps if step.replaces is None]):
            await current.insert_many(some, session=session)
        for replacing in _chunks([step for step in steps if step.replaces is not None]):
            result = await current.bulk_write([_replacement(step) for step in replacing], session=session)
            if result.matched_count != len(replacing):
                raise Conflict("the resource has changed since it was read")
        for some in _chunks([step.history for step in steps if step.history is not None]):
            await history.insert_many(some, session=session)


def _alteration(changes: Sequence[Change]) -> Alteration | None:
    """Return what all changes together alter in the rules of indexing."""
    found = [change.draft.alters for change in changes if change.draft.alters is not None]
    if not found:
        return None
    types = frozenset(type_ for one in found for type_ in one.types)
    return Alteration(found[0].generation, types, frozenset(name for one in found for name in one.dropped))


def _replacement(step: _Step) -> "ReplaceOne[Any]":
    return ReplaceOne({layout.ID: step.id, layout.VERSION: step.replaces}, step.current)


def _failures(error: BulkWriteError, count: int) -> dict[int, Exception]:
    """Return what an unordered insert says of each document that it did not store for good."""
    details = error.details or {}
    failed: dict[int, Exception] = {}
    if details.get("writeConcernErrors"):
        failed = dict.fromkeys(range(count), translate.unavailable())
    for one in details.get("writeErrors", ()):
        single = BulkWriteError({"writeErrors": [one]})
        failed[one["index"]] = translate.translated(single, slow=Unavailable)
    return failed


def _chunks(items: Iterable[Any]) -> Iterable[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
