"""`python -m bench.hl7_fuzz --messages N --seed S`: messages with faults against a real server over MLLP and HTTP.

Each frame gets one whole acknowledgement of its own message; each message that is refused waits among the dead letters,
and no other; no process ends, no answer is a failure of the server, no line of the log tells of a failure or of a
patient. Exit status 1 when something is otherwise: the messages in question are then in `.bench/fuzz`.
Spec: https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

import argparse
import asyncio
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import httpx2
import uvloop
from pymongo import MongoClient

from bench.database import private_mongod
from bench.hl7_answers import code, faults, plain, refused
from bench.hl7_messages import question
from bench.hl7_mutations import Mutant, mutants, templates
from bench.servers import descendants, fhir_server, free_port

_SLICE = 500
_PATIENCE_S = 60.0
_MARKED = 16
"""One in so many plain messages is followed by a question, whose answer must be the next: nothing came in between."""

_BY_HTTP = 10
_RUN = "Z7q"
_PRIVATE = tuple(f"{kind}{_RUN}x" for kind in ("PATIENT", "PRIOR", "NAME"))
_END = b"\x1c\r"


@dataclass(frozen=True, slots=True)
class Shot:
    """A message that was sent, and what came back."""

    mutant: Mutant
    answers: tuple[bytes, ...]
    trouble: str = ""

    @property
    def faults(self) -> list[str]:
        return [self.trouble] if self.trouble else faults(self.mutant.raw, self.mutant.control_id, self.answers)


@dataclass(slots=True)
class Findings:
    """What a run has seen: answers by code, and messages that something is wrong with, by what that is."""

    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, what: str, raw: bytes = b"") -> None:
        self.wrong.append((what, raw))

    def write(self, folder: Path) -> None:
        """Write the messages in question, one file each, and say what is wrong with them."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, (what, raw) in enumerate(self.wrong):
            path = folder / f"{number}.hl7"
            path.write_bytes(raw)
            print(f"{path}: {what}")


@dataclass(frozen=True, slots=True)
class Target:
    """The server under fire."""

    mllp: int
    http: int
    pid: int
    log: IO[str]
    letters: Any


def main() -> int:
    """Send slice after slice; Hypothesis makes the next one in a process of its own meanwhile."""
    parser = argparse.ArgumentParser(prog="python -m bench.hl7_fuzz", description="Send messages with faults.")
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--connections", type=int, default=32)
    arguments = parser.parse_args()
    found = Findings()
    sent = 0
    started = time.monotonic()
    with _target() as target:
        processes = set(descendants(target.pid))
        for slice_ in _slices(arguments.seed, arguments.messages):
            uvloop.run(_fired(target, slice_, arguments.connections, found))
            sent += len(slice_)
            if set(descendants(target.pid)) != processes:
                found.add("a process of the server ended")
                break
            print(f"{sent} sent, {dict(found.codes)}, {len(found.wrong)} wrong", file=sys.stderr)
    rate = sent / (time.monotonic() - started)
    print(f"{sent} messages, seed {arguments.seed}, {rate:.0f}/s: {dict(found.codes)}; {len(found.wrong)} wrong")
    found.write(Path(".bench") / "fuzz")
    return 1 if found.wrong else 0


@contextmanager
def _target() -> Iterator[Target]:
    port = free_port()
    with private_mongod() as mongod, TemporaryDirectory() as folder, MongoClient[Any](mongod.uri) as client:
        path = Path(folder) / "log"
        flags = ("--mongo", mongod.uri, "--database", "fuzz", "--workers", "1", "--mllp", str(port))
        with path.open("a") as written, fhir_server(*flags, "--log-level", "info", log=written) as server:
            yield Target(port, server.port, server.pid, path.open(), client["fuzz"]["hl7_letters"])


def _slices(seed: int, messages: int) -> Iterator[list[Mutant]]:
    sizes = [min(_SLICE, messages - begin) for begin in range(0, messages, _SLICE)]
    make = partial(mutants, templates(), run=_RUN)
    with ProcessPoolExecutor(1) as pool:
        waiting = [pool.submit(make, seed=seed * 100_000 + number, count=size) for number, size in enumerate(sizes)]
        for future in waiting:
            yield future.result()


async def _fired(target: Target, slice_: Sequence[Mutant], connections: int, found: Findings) -> None:
    """Send a slice, then look at everything that it left."""
    source = iter(enumerate(slice_))
    shots: list[Shot] = []
    await asyncio.gather(*(_connection(target.mllp, source, shots) for _ in range(connections)))
    for shot in shots:
        found.codes.update(code(answer) for answer in shot.answers)
        for fault in shot.faults:
            found.add(f"{fault}: {[answer[:1_000] for answer in shot.answers]}", shot.mutant.raw)
    dead = {digest(letter["raw"]) for letter in target.letters.find({"state": "dead"}, {"raw": 1})}
    for wrong in misplaced(shots, dead):
        found.add(*wrong)
    await _over_http(target.http, slice_[::_BY_HTTP], found)
    target.letters.delete_many({"state": "dead"})
    for fault in filter(None, map(told, target.log)):
        found.add(fault)


async def _connection(port: int, source: Iterator[tuple[int, Mutant]], shots: list[Shot]) -> None:
    streams = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    for number, mutant in source:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                shots.append(Shot(mutant, await _exchanged(streams, number, mutant)))
        except (TimeoutError, OSError, EOFError) as error:
            shots.append(Shot(mutant, (), f"no answer: {type(error).__name__}"))
            streams[1].close()
            streams = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    streams[1].close()


async def _exchanged(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], number: int, mutant: Mutant
) -> tuple[bytes, ...]:
    """Return the answers to a message: the next one, or all before the answer to a question that follows."""
    reader, writer = streams
    last = plain(mutant.raw) and bool(number % _MARKED)
    mark = b"Q" + mutant.control_id
    writer.write(b"\x0b" + mutant.raw + _END + (b"" if last else b"\x0b" + question(mark.decode()) + _END))
    answers: list[bytes] = []
    while True:
        answer = (await reader.readuntil(_END))[:-2].removeprefix(b"\x0b")
        if b"|" + mark in answer:
            return tuple(answers)
        answers.append(answer)
        if last:
            return tuple(answers)


async def _over_http(port: int, some: Sequence[Mutant], found: Findings) -> None:
    """Send some messages by HTTP, for conversion and another time for processing, and ask for the server's health."""
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE_S) as client:
        for mutant in some:
            for path in ("/hl7/v2/$convert", "/hl7/v2"):
                try:
                    response = await client.post(path, content=mutant.raw, headers={"content-type": "text/plain"})
                except httpx2.HTTPError as error:
                    found.add(f"no answer to {path}: {type(error).__name__}", mutant.raw)
                    continue
                if response.status_code >= 500:
                    found.add(f"{response.status_code} of {path}", mutant.raw)
        if (await client.get("/health/ready")).status_code != 200:
            found.add("the server is not ready")


def misplaced(shots: Sequence[Shot], dead: Collection[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield what is wrong with the dead letters that messages have left, and the message in question.

    Shape: `dead` are digests of letters. Queries leave none; what holds frame marks, or asks for less than one answer,
           may leave some.
    """
    sent = {digest(shot.mutant.raw): shot for shot in shots}
    for known, shot in sent.items():
        raw = shot.mutant.raw
        if not plain(raw) or not shot.answers:
            continue
        was_refused = any(map(refused, shot.answers))
        if was_refused and known not in dead and b"QBP" not in raw:
            yield f"refused, but no dead letter: {shot.answers[0].decode('latin-1')!r}", raw
        if not was_refused and known in dead:
            yield "a dead letter, but not refused", raw
    fragments = sum(1 + shot.mutant.raw.count(b"\x0bMSH") for shot in shots if not plain(shot.mutant.raw))
    if len(set(dead) - set(sent)) > fragments:
        yield "dead letters of messages that nobody sent", b""


def told(line: str) -> str:
    """Return what a line of the log must not hold; "" when it is as it should be."""
    if '"level":"error"' in line or "Traceback" in line:
        return f"a failure in the log: {line.strip()[:2_000]}"
    if any(private in line for private in _PRIVATE):
        return f"patient data in the log: {line.strip()[:500]}"
    return ""


def digest(raw: bytes) -> bytes:
    """Return the fingerprint of a message, without what frames and files add to its ends."""
    return hashlib.sha256(raw.strip(b"\r\n\x1c\x0b")).digest()


if __name__ == "__main__":
    sys.exit(main())
