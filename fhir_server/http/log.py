"""One line a record, as JSON or text; ids, paths and figures, never values of resources or of queries.

A record's own fields come as `extra={"fields": {…}}`. A traceback is reduced to file, line and function: exception
texts may hold what a client sent.
"""

import asyncio
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from fhir_server.kernel.fhir_json import encode

LOGGER = logging.getLogger("fhir_server")


class JsonFormatter(logging.Formatter):
    """Formats a record and its fields as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        head = {"time": _time(record, "milliseconds"), "level": record.levelname.lower(), "event": record.getMessage()}
        return encode({**head, **_fields(record)}).decode()


class TextFormatter(logging.Formatter):
    """Formats a record for people: time, level, event, then field=value."""

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        return f"{_time(record, 'seconds')[11:19]} {record.levelname.lower():7} {record.getMessage()} {extra}".rstrip()


class _Batches(logging.StreamHandler[TextIO]):
    """Writes records of requests together, a moment later; all others (and what came before them) at once.

    One write for each of thousands of requests a second would be a tenth of their cost.
    """

    _PAUSE_S = 0.05

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
        if record.levelno > logging.INFO:
            self.flush()
        elif len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_later(self._PAUSE_S, self.flush)
            except RuntimeError:  # no loop, nobody to do it later
                self.flush()

    def flush(self) -> None:
        if self._lines:
            self.stream.write("\n".join(self._lines) + "\n")
            self._lines.clear()
            super().flush()


def configure(level: str, form: str) -> None:
    """Send all records of the server to stderr in the given form ("json" or "text")."""
    # Nobody is shown where a record was made; finding it out is half of its cost (logging's own advice).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # documented as a switch, though without a public name
    handler = _Batches(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level.upper())
    LOGGER.propagate = False


def trace(error: BaseException) -> list[str]:
    """Return where an exception came from, innermost last, and its type; without its text."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames] + [type(error).__name__]


def _time(record: logging.LogRecord, timespec: str) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec=timespec)


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = getattr(record, "fields", {})
    return fields
