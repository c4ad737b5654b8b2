"""`python -m bench.search --size 100k|1m`: makes or reuses the data, measures, explains, prints and writes JSON.

Spec: https://hl7.org/fhir/R4/search.html
"""

import argparse
import gc
import sys
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

import uvloop
from pymongo import monitoring
from rich.console import Console

from bench.figures import Figure
from bench.search.dataset import FOLDER, SIZES, DataSet, data_set
from bench.search.plans import Commands, Explained, explained
from bench.search.queries import LOOKING_AT_ALL, MEASURED, PLANNED, Urls, by_patient_and_code
from bench.search.report import figures_table, medians, plans_table, write
from bench.search.samples import Samples, samples
from bench.search.serving import over_http
from bench.search.timing import Times, paged, raw_times, times
from bench.search.verdict import figures
from fhir_server.http.metrics import build_metrics
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import opened_env

ROUNDS = 3
_SMALLER = "100k"
_WIDTH = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything; exit status 1 below a goal, or when a plan is bad."""
    parser = argparse.ArgumentParser(prog="scripts/bench search", description="Measure searches as the data grows.")
    parser.add_argument("--size", choices=SIZES, default="100k", help="resources (default: 100k)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each measurement over HTTP (default: 8)")
    parser.add_argument("--anew", action="store_true", help="make the data set again even if it is there")
    parser.add_argument("--plans-only", action="store_true", help="explain the searches, do not measure them")
    parser.add_argument("--out", type=Path, help="JSON file (default: .bench/search-<size>.json)")
    return uvloop.run(_main(parser.parse_args(arguments)))


async def _main(arguments: argparse.Namespace) -> int:
    console = Console(width=_WIDTH)
    async with data_set(arguments.size, anew=arguments.anew) as data:
        found = await _samples(data.settings)
        measured: list[Figure] = []
        if not arguments.plans_only:
            measured = await _measured(data.settings, found, {} if arguments.size == _SMALLER else _earlier())
            measured += over_http(data.settings, found, arguments.seconds)
            console.print(figures_table(measured, f"{found.resources:,} resources"))
        plans, costly = await _explained(data.settings, found)
        console.print(plans_table(plans, "plans", judged=True))
        console.print(plans_table(costly, "plans of searches that are documented to look at every hit", judged=False))
        if not arguments.plans_only:
            out = arguments.out or FOLDER / f"search-{arguments.size}.json"
            write(out, _facts(found, data), measured, [*plans, *costly])
            print(f"written to {out}", file=sys.stderr)
    return 0 if all(one.reached for one in measured) and not any(one.is_bad for one in plans) else 1


async def _samples(settings: Settings) -> Samples:
    async with opened_env(settings, build_metrics()) as env:
        return await samples(env.storage)


async def _measured(settings: Settings, found: Samples, smaller: dict[str, float]) -> list[Figure]:
    """Return the figures of the best of several rounds: whatever else the machine does comes and goes."""
    taken: dict[str, Times] = {}
    driver: list[Times] = []
    async with opened_env(settings, build_metrics()) as env:
        gc.freeze()  # as the server's own processes do
        gc.set_threshold(50_000, 20, 100)
        urls = {one.name: await paged(env, one, one.urls(found)) for one in MEASURED}
        for number in range(1, ROUNDS + 1):
            for name, addresses in urls.items():
                one = await times(env, addresses)
                taken[name] = min(one, taken.get(name, one), key=attrgetter("p50"))
                print(f"{number}: {name}: {one.p50:.2f} ms, {one.entries:.0f} entries", file=sys.stderr)
            driver.append(await raw_times(env, by_patient_and_code(found)))
    return list(figures(taken, min(driver, key=attrgetter("p50")), smaller))


async def _explained(settings: Settings, found: Samples) -> tuple[list[Explained], list[Explained]]:
    """Return the plans of the searches that must be planned well, and of the others."""
    commands = Commands()
    monitoring.register(commands)
    wanted = [one.urls for one in MEASURED] + list(PLANNED)
    async with opened_env(settings, build_metrics()) as env:

        async def of(makers: Sequence[Urls]) -> list[Explained]:
            return [await explained(env, commands, url) for make in makers for url in make(found)[:1]]

        return await of(wanted), await of(LOOKING_AT_ALL)


def _earlier() -> dict[str, float]:
    return medians(FOLDER / f"search-{_SMALLER}.json")


def _facts(found: Samples, data: DataSet) -> dict[str, object]:
    return {"resources": found.resources, "seconds_to_make": data.seconds}


if __name__ == "__main__":
    sys.exit(main())
