"""`python -m bench.hl7_endurance --messages N`: a long day of a hospital over MLLP; does the memory of the server grow?

Admissions, changes, reports, orders, bookings, charges and repeats, from 32 connections that send one message after the
other. Memory of each process of the server is sampled; the slope after the warm-up is the result. Exit status 1 when it
surely is over the bound, or when a message is refused. MongoDB fills its cache by design: it is shown, not judged.
Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path

import uvloop

from bench.database import private_mongod
from bench.hl7_messages import day
from bench.memory import Sample, slope
from bench.servers import descendants, fhir_server, free_port, resident_mb

BOUND_KB = 50.0
"""Growth of all processes of the server together for each 1,000 messages: 50 MB in a simulated day of a million."""

_WARM_UP = 0.25
"""Share of the messages after which caches, pools and the allocator's arenas have found their size."""

_EVERY_S = 2.0
_SAY_EVERY = 10
_END = b"\x1c\r"


@dataclass(slots=True)
class Run:
    """What has happened so far; `samples` by process, times in milliseconds."""

    accepted: int = 0
    refused: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    samples: dict[int, list[Sample]] = field(default_factory=dict)

    def sample(self, pids: list[int]) -> None:
        for pid in pids:
            self.samples.setdefault(pid, []).append(Sample(self.accepted, resident_mb(pid) * 1_024))

    def total(self, pids: list[int], since: int) -> list[Sample]:
        """Return what processes used together, from a number of messages on."""
        columns = zip(*(self.samples[pid] for pid in pids), strict=True)
        sums = [Sample(column[0].messages, sum(one.kb for one in column)) for column in columns]
        return [one for one in sums if one.messages >= since]


def main() -> int:
    """Send the messages, print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.hl7_endurance", description="Does memory grow?")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--out", type=Path, help="JSON file of all samples: by process, [messages, kB]")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--listeners", type=int, default=2, help="workers that take messages (default: 2)")
    arguments = parser.parse_args()
    port = free_port()
    with private_mongod() as mongod:
        flags = ("--mongo", mongod.uri, "--database", "endurance", "--workers", str(arguments.workers))
        with fhir_server(*flags, "--mllp", str(port), "--mllp-workers", str(arguments.listeners)) as server:
            pids = [server.pid, *descendants(server.pid)]
            run = Run()
            started = time.perf_counter()
            uvloop.run(_day(run, port, arguments, [*pids, mongod.pid]))
            if arguments.out:
                arguments.out.write_text(json.dumps({pid: list(map(astuple, run.samples[pid])) for pid in run.samples}))
            return _reported(run, time.perf_counter() - started, pids, mongod.pid, arguments.messages)


async def _day(run: Run, port: int, arguments: argparse.Namespace, pids: list[int]) -> None:
    source = _limited(day(f"{time.time_ns():x}"), arguments.messages)
    watching = asyncio.create_task(_watched(run, pids))
    await asyncio.gather(*(_connection(run, port, source) for _ in range(arguments.connections)))
    watching.cancel()
    run.sample(pids)


def _limited(source: Iterator[bytes], messages: int) -> Iterator[bytes]:
    yield from (message for _, message in zip(range(messages), source, strict=False))


async def _watched(run: Run, pids: list[int]) -> None:
    while True:
        for _ in range(_SAY_EVERY):
            run.sample(pids)
            await asyncio.sleep(_EVERY_S)
        used = sum(run.samples[pid][-1].kb for pid in pids[:-1]) / 1_024
        print(f"{run.accepted:,} accepted, {len(run.refused)} refused; server {used:.0f} MB", file=sys.stderr)


async def _connection(run: Run, port: int, source: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for message in source:
        started = time.perf_counter()
        writer.write(b"\x0b" + message + _END)
        answer = await reader.readuntil(_END)
        run.times.append((time.perf_counter() - started) * 1_000)
        if b"|AA|" in answer:
            run.accepted += 1
        else:
            run.refused.append(answer)
    writer.close()


def _reported(run: Run, seconds: float, pids: list[int], mongod: int, messages: int) -> int:
    run.times.sort()
    median, last = (run.times[int(len(run.times) * share)] for share in (0.5, 0.99))
    print(f"{run.accepted:,} accepted, {len(run.refused)} refused, {run.accepted / seconds:,.0f}/s")
    print(f"median {median:.0f} ms, p99 {last:.0f} ms")
    since = int(messages * _WARM_UP)
    for name, group in ("server", pids), ("mongod", [mongod]):
        samples = run.total(group, since)
        print(f"{name}: {samples[0].kb / 1_024:.0f} MB after {samples[0].messages:,} messages,", end=" ")
        print(f"{samples[-1].kb / 1_024:.0f} MB after {samples[-1].messages:,}: {slope(samples)}")
    for pid in pids:
        print(f"  process {pid}: {slope(run.total([pid], since))}")
    if run.refused:
        print(run.refused[0].replace(b"\r", b"\n").decode(), file=sys.stderr)
    grows = slope(run.total(pids, since)).exceeds(BOUND_KB)
    print(f"bound: {BOUND_KB:g} kB per 1,000 messages: {'MISSED' if grows else 'reached'}")
    return 1 if grows or run.refused else 0


if __name__ == "__main__":
    sys.exit(main())
