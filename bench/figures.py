"""The measurements themselves: each returns figures with the floor of the same run and the goal.

Spec: https://hl7.org/fhir/R4/http.html
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.firing import Plan, fire, request
from bench.material import Material
from bench.raw import Effort, copy_indexes, documents, insert_rate, transaction_rate, transactions
from bench.servers import descendants, fhir_server, hello, resident_mb
from conformance.load import definitions
from conformance.walk import Validator
from fhir_server.kernel.fhir_json import decode, encode
from fhir_server.resources.indexing import Indexer
from fhir_server.resources.prepare import Pipeline

CONNECTIONS = 64
LOADING = 8
WORKERS = 2
_RAW = "bench_raw"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: `goal` is for the ratio if there is a floor, else for the value; `at_most` turns it around."""

    work: str
    value: float
    unit: str
    goal: float
    floor: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.floor is None else self.value / self.floor

    @property
    def reached(self) -> bool:
        judged = self.value if self.ratio is None else self.ratio
        return judged <= self.goal if self.at_most else judged >= self.goal


def pipeline(material: Material, seconds: float) -> Iterator[Figure]:
    """parse + validate + index + encode, in this process alone."""
    rules = definitions()
    steps = Pipeline(Validator(rules), Indexer(rules))
    now = datetime.now(UTC)

    def once() -> None:
        for number, text in enumerate(material.resources):
            resource = decode(text)
            steps.check(resource)
            steps.draft(resource, f"id-{number}", method="POST", now=now, replaces=None)

    once()  # rules are compiled when their type is first met
    rounds, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        once()
        rounds += 1
    rate = rounds * len(material.resources) / (time.perf_counter() - started)
    yield Figure("parse+validate+index+encode", rate, "resources/s/core", 12_000)


def over_http(material: Material, uri: str, seconds: float) -> Iterator[Figure]:
    """Everything that needs a server; it starts on an empty database and is idle at first."""
    with fhir_server("--mongo", uri, "--database", "bench", "--workers", str(WORKERS)) as server:
        workers = [pid for pid, command in descendants(server.pid).items() if "cli.worker" in command]
        yield Figure("memory of one idle worker", max(map(resident_mb, workers)), "MB", 150, at_most=True)
        yield from _load(material, uri, server.port)
        ids = [row["_id"] for row in documents(uri, "bench", "Observation")]
        yield from _read(ids, server.port, seconds)
        yield from _create(material, uri, server.port, seconds)


def _load(material: Material, uri: str, port: int) -> Iterator[Figure]:
    posts = [request("POST", "/fhir", bundle) for bundle in material.bundles]
    shots = fire(Plan("127.0.0.1", port, LOADING, posts, None))
    rate = len(material.resources) / shots.seconds
    groups = transactions(uri, "bench", len(material.bundles))
    copy_indexes(uri, "bench", _RAW)
    floor = transaction_rate(uri, _RAW, groups, Effort(WORKERS, LOADING))
    note = f"{len(material.bundles)} bundles, {shots.failed} refused"
    yield Figure("load of transaction Bundles", rate, "resources/s", 0.35, floor, note=note)
    yield Figure("load of transaction Bundles", rate, "resources/s", 4_000, note=note)


def _read(ids: list[str], port: int, seconds: float) -> Iterator[Figure]:
    gets = [request("GET", f"/fhir/Observation/{id_}") for id_ in ids]
    with hello(WORKERS) as floor:
        hellos = fire(Plan("127.0.0.1", floor.port, CONNECTIONS, [request("GET", "/hello")], seconds, 1))
    shots = fire(Plan("127.0.0.1", port, CONNECTIONS, gets, seconds, 1))
    note = f"median {shots.median_ms:.1f} ms, 99 % {shots.p99_ms:.1f} ms, {shots.failed} failed"
    yield Figure("GET by id", shots.rate, "requests/s", 0.25, hellos.rate, note=note)


def _create(material: Material, uri: str, port: int, seconds: float) -> Iterator[Figure]:
    texts = [_without_id(text) for text in material.of_type("Observation")]
    posts = [request("POST", "/fhir/Observation", text) for text in texts]
    shots = fire(Plan("127.0.0.1", port, CONNECTIONS, posts, seconds, 1))
    copy_indexes(uri, "bench", _RAW)
    sample = documents(uri, "bench", "Observation")
    floor = insert_rate(uri, _RAW, "Observation", sample, Effort(WORKERS, CONNECTIONS, seconds))
    note = f"median {shots.median_ms:.1f} ms, 99 % {shots.p99_ms:.1f} ms, {shots.failed} failed"
    yield Figure("POST Observation", shots.rate, "requests/s", 1.0, floor, note=note)


def _without_id(text: bytes) -> bytes:
    return encode({key: value for key, value in decode(text).items() if key != "id"})
