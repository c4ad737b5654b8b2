"""The floors of writes: the driver alone, with the documents and indexes that the server itself made.

Spec: https://www.mongodb.com/docs/manual/reference/write-concern/
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from pymongo import AsyncMongoClient, MongoClient, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel.ids import uuid7_source
from fhir_server.kernel.layout import ID, UPDATED

Document = dict[str, Any]
_DURABLE = WriteConcern(w="majority", j=True)
_SAMPLE = 2_000


def documents(uri: str, database: str, type_: str) -> list[Document]:
    """Return some documents of a type as the server stored them."""
    with MongoClient[Document](uri) as client:
        return list(client[database][type_].find().limit(_SAMPLE))


def transactions(uri: str, database: str, count: int) -> list[dict[str, list[Document]]]:
    """Return all documents in the order in which they were stored, by collection, cut into `count` transactions."""
    with MongoClient[Document](uri) as client:
        names = list(_types(client[database].list_collection_names()))
        stored = [(name, document) for name in names for document in client[database][name].find()]
    stored.sort(key=lambda row: row[1][UPDATED])
    size = -(-len(stored) // count)
    return [_by_collection(stored[start : start + size]) for start in range(0, len(stored), size)]


def _by_collection(stored: Sequence[tuple[str, Document]]) -> dict[str, list[Document]]:
    group: dict[str, list[Document]] = defaultdict(list)
    for name, document in stored:
        group[name].append(document)
    return dict(group)


def copy_indexes(uri: str, source: str, target: str) -> None:
    """Make the target database anew, empty, with the indexes of the source."""
    with MongoClient[Document](uri) as client:
        client.drop_database(target)
        for name in _types(client[source].list_collection_names()):
            collection = client[target].create_collection(name)
            for index in client[source][name].list_indexes():
                if index["name"] != "_id_":
                    keys = list(index["key"].items())
                    options = {key: value for key, value in index.items() if key not in ("v", "key", "ns")}
                    collection.create_index(keys, **options)


def _types(names: Sequence[str]) -> Iterator[str]:
    return (name for name in names if name[0].isupper() and not name.endswith("_history"))


def insert_rate(uri: str, database: str, type_: str, sample: Sequence[Document], plan: "Effort") -> float:
    """Return single inserts a second, each a majority commit of its own."""
    with ProcessPoolExecutor(plan.processes, get_context("spawn")) as pool:
        share = plan.in_flight // plan.processes
        runs = [
            pool.submit(_run_inserts, uri, database, type_, sample, share, plan.seconds) for _ in range(plan.processes)
        ]
        return sum(run.result() for run in runs)


def transaction_rate(
    uri: str, database: str, groups: Sequence[Mapping[str, Sequence[Document]]], plan: "Effort"
) -> float:
    """Return documents a second, each group stored by one transaction."""
    with ProcessPoolExecutor(plan.processes, get_context("spawn")) as pool:
        share = max(plan.in_flight // plan.processes, 1)
        shares = [groups[number :: plan.processes] for number in range(plan.processes)]
        list(pool.map(abs, range(plan.processes)))  # processes start before the clock does
        started = time.perf_counter()
        runs = [pool.submit(_run_transactions, uri, database, part, share) for part in shares]
        total = sum(run.result() for run in runs)
        return total / (time.perf_counter() - started)


class Effort:
    """How hard to try: processes, operations under way in all of them together, and for how long."""

    def __init__(self, processes: int, in_flight: int, seconds: float = 0.0) -> None:
        self.processes = processes
        self.in_flight = in_flight
        self.seconds = seconds


def _run_inserts(
    uri: str, database: str, type_: str, sample: Sequence[Document], in_flight: int, seconds: float
) -> float:
    async def insert() -> float:
        new_id = uuid7_source()
        done = 0
        async with AsyncMongoClient[Document](uri, maxPoolSize=in_flight) as client:
            collection = client[database].get_collection(type_, write_concern=_DURABLE)
            await client.admin.command("ping")
            started = time.perf_counter()

            async def pull(number: int) -> None:
                nonlocal done
                while time.perf_counter() - started < seconds:
                    await collection.insert_one({**sample[(number + done) % len(sample)], ID: new_id()})
                    done += 1

            await asyncio.gather(*(pull(number) for number in range(in_flight)))
            return done / (time.perf_counter() - started)

    return asyncio.run(insert())


def _run_transactions(
    uri: str, database: str, groups: Sequence[Mapping[str, Sequence[Document]]], in_flight: int
) -> int:
    async def store() -> int:
        waiting = iter(groups)
        async with AsyncMongoClient[Document](uri, maxPoolSize=in_flight) as client:

            async def pull() -> int:
                return sum([await _store(client, client[database], group) for group in waiting])

            return sum(await asyncio.gather(*(pull() for _ in range(in_flight))))

    return asyncio.run(store())


async def _store(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], group: Mapping[str, Sequence[Document]]
) -> int:
    async def insert(session: AsyncClientSession) -> None:
        for name, rows in group.items():
            await database[name].insert_many(rows, session=session)

    async with client.start_session() as session:
        # Transactions that meet in an index's metadata conflict; going again is the driver's own business.
        await session.with_transaction(insert, write_concern=_DURABLE)
    return sum(map(len, group.values()))
