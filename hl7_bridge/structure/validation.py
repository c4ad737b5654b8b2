"""A second opinion on a message: hl7apy's validation of all fields, data types and tables, in a process of its own.

It takes 35 to 80 ms a message, so it serves the onboarding of a sender and messages that were put aside.
Spec: https://crs4.github.io/hl7apy/tutorial/index.html#validation
"""

import asyncio
import multiprocessing
import re
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

from hl7_bridge.ack import Problem
from hl7_bridge.er7 import Message
from hl7_bridge.structure.arrange import Group, arrange, every_group

Finding: TypeAlias = tuple[Literal["Error", "Warning"], str]


class Validation:
    """The worker process; it starts with the first message. Use as `async with`, or `close` it."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def problems(self, message: Message) -> list[Problem]:
        """Return what hl7apy objects to, errors first, without any value of the message."""
        text = "\r".join(segment.er7.replace("\n", " ") for segment in message.segments)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._pool, examine, text)
        arrangement = arrange(message)
        root = arrangement.root if arrangement else None
        return [problem(*finding) for finding in found if not misses_alternative(finding, root)]

    def close(self) -> None:
        """End the process; a message that is being examined is left."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def examine(text: str) -> list[Finding]:
    """Return the findings of hl7apy on a message in ER7 (in the worker)."""
    from hl7apy.parser import parse_message  # type: ignore[import-untyped] # has no types

    try:
        return findings(parse_message(text, find_groups=True))
    except Exception as error:
        # It fails in many ways on what it does not know: with AttributeError for a structure that its tables lack.
        return [("Error", f"{type(error).__name__}: it cannot be read")]


def findings(message: Any) -> list[Finding]:
    """Return what hl7apy finds wrong with a message of its own kind; it reports all of that to a file only."""
    from hl7apy.exceptions import ValidationError  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        with suppress(ValidationError):
            message.validate(report_file=str(report))
        lines = report.read_text().splitlines()
    return [("Error" if line.startswith("Error") else "Warning", line.partition(": ")[2]) for line in lines]


def misses_alternative(finding: Finding, root: Group | None) -> bool:
    """Whether hl7apy misses the other alternatives of a choice that was made."""
    choices = {group.name for group in every_group(root) if group.part.choice} if root else ()
    name = _MISSING.match(finding[1])
    return name is not None and any(name[1].endswith(f"_{choice}") for choice in choices)


_MISSING: Final = re.compile(r"Missing required child (\w+)\.")
_PLACE: Final = r"(?P<place>[A-Za-z0-9_]+\.[A-Za-z0-9_]+)"
_KNOWN: Final = (
    (re.compile(rf"Missing required child {_PLACE}"), "101", "what is required is missing"),
    (re.compile(rf"Child limit exceeded {_PLACE}"), "102", "it may not repeat so often"),
    (
        re.compile(rf"Value .* not in table (?P<table>\w+) in element {_PLACE}", re.DOTALL),
        "103",
        "not in table {table}",
    ),
    (re.compile(rf"Exceeded max length \((?P<length>\d+)\) of {_PLACE}"), "102", "longer than {length}"),
    (re.compile(rf"Datatype (?P<type>\w+) is not correct for {_PLACE}.*", re.DOTALL), "102", "not of data type {type}"),
)
"""Findings of hl7apy, with what may be said of them: some repeat the value."""


def problem(kind: Literal["Error", "Warning"], text: str) -> Problem:
    """Return a finding without the value that it may repeat."""
    severity: Literal["E", "W"] = "E" if kind == "Error" else "W"
    for pattern, code, saying in _KNOWN:
        match = pattern.fullmatch(text)
        if match:
            segment, field = _position(match["place"])
            said = saying.format(**match.groupdict())
            return Problem(code, f"{match['place']}: {said}", segment=segment, field=field, severity=severity)
    return Problem("100", "the structure is not that of its type", severity=severity)


def _position(place: str) -> tuple[str, int | None]:
    """Return segment and field of "PID.PID_3", or of a component's "PID_3.CX_1"."""
    match = re.match(r"(?:\w+\.)?([A-Z][A-Z0-9]{2})_(\d+)(?:$|\.)", place)
    return (match[1], int(match[2])) if match else ("", None)
