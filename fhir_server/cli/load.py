"""`fhir-server load`: files of clinical data → a running server, several requests in flight.

Files to which others refer go first; a transaction that is refused goes a second time after all others, because what
it refers to by a conditional reference may have come later.
Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from fhir_server.cli.failure import FOUND, OK, CommandError
from fhir_server.cli.loading.posting import Poster, Refusal
from fhir_server.cli.loading.rejects import Rejects
from fhir_server.cli.loading.submissions import Submission, Unreadable, files, is_referenced_by_others, submissions


def run(arguments: argparse.Namespace) -> int:
    """Send everything; return 1 when an entry was rejected.

    Errors: CommandError when a path is no good or the server cannot be reached
    """
    if arguments.in_flight < 1:
        raise CommandError("--in-flight must be at least 1")
    try:
        found = files([Path(path) for path in arguments.paths])
    except Unreadable as error:
        raise CommandError(str(error)) from None
    with Rejects(Path(arguments.rejects)) as rejects, _progress(len(found)) as progress:
        load = _Load(progress, rejects)
        asyncio.run(load.run(found, arguments.url.rstrip("/"), arguments.in_flight))
        seconds = progress.tasks[0].elapsed or 0.0
    _report(load, rejects, seconds)
    return FOUND if rejects.count else OK


class _Load:
    """The state of one run: what was stored by type, and which transactions are to go again."""

    def __init__(self, progress: Progress, rejects: Rejects) -> None:
        self.stored: Counter[str] = Counter()
        self._again: list[Submission] = []
        self._progress = progress
        self._bar = progress.task_ids[0]
        self._rejects = rejects

    async def run(self, found: list[Path], url: str, in_flight: int) -> None:
        first = [path for path in found if is_referenced_by_others(path)]
        others = found[len(first) :]
        async with Poster(url, in_flight) as poster:
            await poster.check_base()
            await self._send_all(poster, self._read(first), in_flight, last_chance=False)
            await self._send_all(poster, self._read(others), in_flight, last_chance=False)
            await self._send_all(poster, iter(self._again), in_flight, last_chance=True)

    def _read(self, paths: Iterable[Path]) -> Iterator[Submission]:
        for path in paths:
            for item in submissions(path):
                if isinstance(item, Submission):
                    yield item
                else:
                    self._rejects.add_unreadable(str(item))
            self._progress.advance(self._bar)

    async def _send_all(self, poster: Poster, work: Iterator[Submission], in_flight: int, *, last_chance: bool) -> None:
        async def pull() -> None:
            for submission in work:  # one iterator for all: each takes the next when it has sent its last
                self._note(submission, await poster.post(submission), last_chance=last_chance)

        await asyncio.gather(*(pull() for _ in range(in_flight)))

    def _note(self, submission: Submission, refusals: Mapping[int, Refusal], *, last_chance: bool) -> None:
        if refusals and submission.kind == "transaction" and not last_chance:
            self._again.append(submission)
            return
        for position, entry in enumerate(submission.entries):
            if refusal := refusals.get(position):
                self._rejects.add(entry, refusal)
            else:
                self.stored[entry.type] += 1
        self._progress.update(self._bar, stored=self.stored.total())


def _progress(total: int) -> Progress:
    progress = Progress(
        TextColumn("files"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[stored]} entries"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    progress.add_task("load", total=total, stored=0)
    return progress


def _report(load: _Load, rejects: Rejects, seconds: float) -> None:
    table = Table("type", "stored", "rejected")
    for column in table.columns[1:]:
        column.justify = "right"
    for type_ in sorted(load.stored.keys() | rejects.by_type.keys()):
        table.add_row(type_ or "(no resource)", str(load.stored[type_]), str(rejects.by_type[type_] or ""))
    Console().print(table)
    total = load.stored.total()
    print(f"{total} entries stored in {seconds:.1f} s, {total / max(seconds, 0.001):.0f} a second")
    if rejects.count:
        print(f"{rejects.count} rejected: see {rejects.path}", file=sys.stderr)
