"""`python -m bench.hl7_mllp`: messages a second over MLLP, from the frame to the acknowledgement after the commit.

The client is a process of its own and answers for nothing: it sends the next message of a connection when the
acknowledgement of the one before is there. Exit status 1 below a goal.
Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from bench.database import private_mongod
from bench.hl7_messages import reports, updates
from bench.servers import descendants, fhir_server, resident_mb

RATE, P99_MS = 500, 150
"""The goals: messages a second and milliseconds, on two cores with 32 connections."""

_KINDS: Mapping[str, Callable[[str], Iterator[bytes]]] = {
    "ADT A08": updates,
    "ORU R01, 5 results": lambda run: reports(run, 5),
    "ORU R01, 25 results": reports,
}
_WARM_UP_S = 2.0
_END = b"\x1c\r"


@dataclass(frozen=True, slots=True)
class Shots:
    """What came of one kind: counts, seconds, and milliseconds from frame to acknowledgement."""

    kind: str
    accepted: int
    refused: int
    seconds: float
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.accepted / self.seconds


def main() -> int:
    """Measure each kind of message on a server with an empty database, or be the client of such a measurement."""
    parser = argparse.ArgumentParser(prog="python -m bench.hl7_mllp", description="Measure the MLLP listener.")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--listeners", type=int, default=1, help="workers that take messages (default: 1)")
    parser.add_argument("--kind", choices=tuple(_KINDS), action="append")
    parser.add_argument("--fire", type=int, metavar="PORT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fire:
        print(json.dumps(asdict(uvloop.run(_fire(arguments)))))
        return 0
    found = list(_measured(arguments))
    for shots, cost in found:
        verdict = "reached" if shots.rate >= RATE and shots.p99_ms <= P99_MS else "MISSED"
        print(
            f"{shots.kind}: {shots.rate:,.0f} messages/s, median {shots.median_ms:.0f} ms, p99 {shots.p99_ms:.0f} ms, "
            f"{shots.refused} refused ({verdict}); processor time of a message: server {cost.server_ms:.1f} ms, "
            f"mongod {cost.mongod_ms:.1f} ms; {cost.memory_mb:.0f} MB"
        )
    adt = found[0][0]
    return 0 if adt.rate >= RATE and adt.p99_ms <= P99_MS else 1


@dataclass(frozen=True, slots=True)
class Cost:
    """What one message cost, whatever else the machine was doing, and the memory of the server at the end."""

    server_ms: float
    mongod_ms: float
    memory_mb: float


def _measured(arguments: argparse.Namespace) -> Iterator[tuple[Shots, Cost]]:
    with private_mongod() as mongod:
        for number, kind in enumerate(arguments.kind or _KINDS):
            port = _free_port()
            flags = ("--mongo", mongod.uri, "--database", f"hl7_{number}", "--workers", str(arguments.workers))
            mllp = ("--mllp", str(port), "--mllp-workers", str(arguments.listeners))
            with fhir_server(*flags, *mllp) as server:
                _fired(kind, port, arguments, seconds=_WARM_UP_S)  # collections, indexes, compiled maps and rules
                processes = (list(descendants(server.pid)), [mongod.pid])
                before = [_cpu_ms(pids) for pids in processes]
                shots = _fired(kind, port, arguments)
                spent = [(_cpu_ms(pids) - then) / shots.accepted for pids, then in zip(processes, before, strict=True)]
                yield shots, Cost(spent[0], spent[1], sum(map(resident_mb, processes[0])))


def _cpu_ms(pids: Iterable[int]) -> float:
    """Return the processor time that processes have used, in milliseconds."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1_000 / os.sysconf("SC_CLK_TCK")


def _fired(kind: str, port: int, arguments: argparse.Namespace, seconds: float | None = None) -> Shots:
    """Run the client in another process."""
    command = [sys.executable, "-m", "bench.hl7_mllp", "--fire", str(port), "--kind", kind]
    command += ["--seconds", str(seconds or arguments.seconds), "--connections", str(arguments.connections)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Shots(**json.loads(done.stdout))


async def _fire(arguments: argparse.Namespace) -> Shots:
    [kind] = arguments.kind
    source = _KINDS[kind](f"{time.time_ns():x}")
    times: list[float] = []
    refused: list[bytes] = []
    started = time.perf_counter()
    until = started + arguments.seconds
    await asyncio.gather(
        *(_connection(arguments.fire, source, until, times, refused) for _ in range(arguments.connections))
    )
    seconds = time.perf_counter() - started
    times.sort()
    if refused:
        print(refused[0].replace(b"\r", b"\n").decode(), file=sys.stderr)
    middle, last = (times[int(len(times) * share)] * 1_000 for share in (0.5, 0.99))
    return Shots(kind, len(times) - len(refused), len(refused), seconds, middle, last)


async def _connection(
    port: int, source: Iterator[bytes], until: float, times: list[float], refused: list[bytes]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for message in source:
        started = time.perf_counter()
        if started >= until:
            break
        writer.write(b"\x0b" + message + _END)
        answer = await reader.readuntil(_END)
        times.append(time.perf_counter() - started)
        if b"|AA|" not in answer:
            refused.append(answer)
    writer.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main())
