"""`hl7-bridge send` and `hl7-bridge load`: the messages of a file, one after the other, and what the receiver says.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, batch protocol)
"""

import argparse
import asyncio
import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import httpx2

from hl7_bridge.cli.destination import opened
from hl7_bridge.cli.failure import FOUND, OK, CommandError
from hl7_bridge.er7 import Er7Error, Segment, parse
from hl7_bridge.inbound.folder import load
from hl7_bridge.mllp import MllpError

_ACCEPTED = frozenset({"AA", "CA"})


def run(arguments: argparse.Namespace) -> int:
    """Send; return 1 when a message was not accepted.

    Errors: CommandError when the file cannot be read or nobody answers
    """
    try:
        with _opened(arguments.file) as file:
            answers, whole = asyncio.run(_send(arguments, file))
    except OSError as error:
        raise CommandError(f"{arguments.file} cannot be read: {error.strerror}") from None
    except (MllpError, httpx2.HTTPError) as error:
        raise CommandError(f"{arguments.to} does not answer: {error}") from None
    codes = Counter(_told(answer)[0] for answer in answers)
    if getattr(arguments, "brief", False):
        print(f"{len(answers)} messages: " + ", ".join(f"{count} {code}" for code, count in sorted(codes.items())))
    if not whole:
        print("the file holds something that is no message, or fewer messages than it says", file=sys.stderr)
    return OK if whole and codes.keys() <= _ACCEPTED else FOUND


async def _send(arguments: argparse.Namespace, file: BinaryIO) -> tuple[list[bytes], bool]:
    async with opened(arguments) as deliver:

        async def shown(message: bytes) -> Sequence[bytes]:
            answers = await deliver(message)
            for answer in answers if not getattr(arguments, "brief", False) else ():
                code, control_id, text = _told(answer)
                print(" ".join(part for part in (code, control_id, text) if part), flush=True)
            return answers

        return await load(file, shown)


def _opened(path: Path) -> BinaryIO:
    return io.BytesIO(sys.stdin.buffer.read()) if str(path) == "-" else path.open("rb")


def _told(answer: bytes) -> tuple[str, str, str]:
    """Return MSA-1, MSA-2 and what the errors say with their places."""
    try:
        message = parse(answer)
    except Er7Error:
        return "??", "", answer[:200].decode("utf-8", "replace")
    told = message.first("MSA")
    if told is None:
        return "??", "", "the answer has no MSA segment"
    texts = [_error(error) for error in message.every("ERR")] or [told.value(3)]
    return told.value(1), told.value(2), "; ".join(filter(None, texts))


def _error(error: Segment) -> str:
    place = error.value(2)
    if place and error.value(2, 3):
        place += f"-{error.value(2, 3)}" + (f".{error.value(2, 5)}" if error.value(2, 5) else "")
    return ": ".join(part for part in (place, error.value(8) or error.value(3, 2)) if part)
