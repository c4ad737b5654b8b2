"""Times of interactions in this process, from the address to the JSON bytes; one at a time.

Spec: https://hl7.org/fhir/R4/http.html
"""

import gc
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.search.queries import PAGE, Measurement
from fhir_server.interactions.addresses import address
from fhir_server.interactions.env import Env
from fhir_server.interactions.run import run
from fhir_server.kernel import query_string
from fhir_server.kernel.call import Call
from fhir_server.kernel.fhir_json import decode
from fhir_server.search import Asked, Context
from fhir_server.storage.document import SERVED
from fhir_server.storage.find.order import reading

BASE = "http://127.0.0.1/fhir"
RUNS = 200
_LONGEST_S = 3.0
_LARGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one run; `entries` is how many entries the Bundles have on average."""

    p50: float
    p95: float
    runs: int
    entries: float


def call_of(env: Env, url: str) -> Call:
    """Return the call that GET on an address below the base URL means."""
    path, _, query = url.partition("?")
    found = address("GET", path, env.definitions.resource_types)
    return Call(found, base_url=BASE, params=query_string.parse(query))


async def paged(env: Env, measurement: Measurement, urls: Sequence[str]) -> list[str]:
    """Return the addresses of the page that is measured."""
    if measurement.page == 1:
        return list(urls)
    return [await _page(env, url, measurement.page) for url in urls]


async def times(env: Env, urls: Sequence[str]) -> Times:
    """Run a search for each of its addresses, again and again."""
    calls = [call_of(env, url) for url in urls]
    bodies = [(await run(env, call)).body or b"{}" for call in calls[:RUNS]]
    entries = [len(decode(body).get("entry", ())) for body in bodies]

    async def once(number: int) -> None:
        await run(env, calls[number % len(calls)])

    p50, p95, runs = await _timed(once)
    return Times(p50, p95, runs, sum(entries) / len(entries))


async def raw_times(env: Env, urls: Sequence[str]) -> Times:
    """Run the finds behind searches of one type that read one index in order, by the driver alone."""
    finds = [_find(env, url) for url in urls]
    database = env.storage.database

    async def once(number: int) -> list[Any]:
        type_, options = finds[number % len(finds)]
        return await database[type_].find(**options).to_list(options["limit"])

    found = [len(await once(number)) for number in range(len(finds))]
    p50, p95, runs = await _timed(once)
    return Times(p50, p95, runs, sum(found) / len(found))


async def _timed(once: Callable[[int], Awaitable[object]]) -> tuple[float, float, int]:
    """Return the median and 95 % of the times of runs, and their number."""
    gc.collect()
    taken: list[float] = []
    until = time.perf_counter() + _LONGEST_S
    while len(taken) < RUNS and time.perf_counter() < until:
        started = time.perf_counter()
        await once(len(taken))
        taken.append((time.perf_counter() - started) * 1_000)
    taken.sort()
    return taken[len(taken) // 2], taken[len(taken) * 95 // 100], len(taken)


async def _page(env: Env, url: str, number: int) -> str:
    """Return the address of a page, or of the last one when there are fewer: by way of larger pages."""
    left, count, here = (number - 1) * PAGE, _LARGEST_PAGE, url
    while left >= PAGE <= count:
        count = min(count, left)
        further = await _next(env, here, count)
        if further is None:
            count //= 2
        else:
            here, left = further, left - count
    return here


async def _next(env: Env, url: str, count: int) -> str | None:
    """Return the address of the page that follows `count` hits, None when there is none."""
    large = url.replace(f"_count={PAGE}", f"_count={count}")
    links = decode((await run(env, call_of(env, large))).body or b"{}")["link"]
    for link in links:
        if link["relation"] == "next":
            split = urlsplit(link["url"])
            return f"{split.path.removeprefix('/fhir')}?{split.query}".replace(f"_count={count}", f"_count={PAGE}")
    return None


def _find(env: Env, url: str) -> tuple[str, dict[str, Any]]:
    """Return the type and the options of the one find that answers a search."""
    call = call_of(env, url)
    asked = Asked((call.type,), call.params, call.type, Context(now=env.clock(), base_url=BASE), page_size=PAGE)
    query = env.search.request(asked, key=env.cursor_key).query
    ((type_, filter_),) = query.legs
    step = next(iter(reading(type_, query)))
    projection = {**SERVED, **dict.fromkeys(step.projected, True)}
    wanted = {"$and": [filter_, step.filter]} if step.filter else filter_
    return type_, {"filter": wanted, "projection": projection, "sort": step.sort, "limit": query.count + 1}
