"""A watched folder: files of messages are processed where they lie, then move to `done` or `failed` with their answers.

Several processes may watch one folder: whoever locks a file first has it, and a process that dies lets go of it.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, batch protocol)
"""

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from hl7_bridge.batch import BatchError, messages
from hl7_bridge.er7 import Er7Error, parse

Deliver: TypeAlias = Callable[[bytes], Awaitable[Sequence[bytes]]]
"""Takes one message, returns its acknowledgements."""

_LOOK_EVERY_S = 2.0
_SETTLED_S = 2.0
"""A file that was written to since is still on its way."""

_GOOD = frozenset({"AA", "CA"})
_log = logging.getLogger(__name__)


async def watch(folder: Path, deliver: Deliver) -> None:
    """Process files as they come; never returns."""
    while True:
        for path in await asyncio.to_thread(_waiting, folder):
            try:
                await process(path, deliver)
            except OSError as error:
                _log.warning("a file of the watched folder cannot be processed: %s", type(error).__name__)
        await asyncio.sleep(_LOOK_EVERY_S)


async def process(path: Path, deliver: Deliver) -> bool:
    """Process one file unless another process has it; return whether all of its messages were accepted.

    The file goes to `done` or `failed` beside it, and so does a file of the answers (`.ack`).
    Errors: OSError when it cannot be read or moved
    """
    with _locked(path) as file:
        if file is None:
            return True
        answers, whole = await load(file, deliver)
        good = whole and all(code_of(answer) in _GOOD for answer in answers)
        await asyncio.to_thread(_put_away, path, path.parent / ("done" if good else "failed"), answers)
    return good


async def load(file: BinaryIO, deliver: Deliver) -> tuple[list[bytes], bool]:
    """Deliver the messages of an open file in order; return the answers, and whether there were only messages in it."""
    answers: list[bytes] = []
    found = messages(file)
    while True:
        try:
            message = await asyncio.to_thread(next, found, None)
        except BatchError:
            return answers, False
        if message is None:
            return answers, True
        # The last answer tells of the processing, the ones before of the receipt.
        answers += (await deliver(message))[-1:]


def code_of(answer: bytes) -> str:
    """Return MSA-1 of an acknowledgement, "" when it has none."""
    try:
        told = parse(answer).first("MSA")
    except Er7Error:
        return ""
    return "" if told is None else told.value(1)


def _waiting(folder: Path) -> list[Path]:
    """Return the files that nobody writes to any more, in the order of their names."""
    folder.mkdir(parents=True, exist_ok=True)
    still = time.time() - _SETTLED_S
    found = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return sorted(path for path in found if path.stat().st_mtime <= still)


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO | None]:
    """Give the file, locked; None when another process has it, or had it and moved it away."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        same = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
        yield file if same else None


def _put_away(path: Path, folder: Path, answers: Sequence[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    target.with_name(f"{target.name}.ack").write_bytes(b"\r\n".join(answers))
    path.rename(target)
