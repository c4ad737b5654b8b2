"""The file of what a load could not store: one JSON object a line, with place, reason and the resource itself.

Spec: http://ndjson.org/, https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from fhir_server.cli.failure import CommandError
from fhir_server.cli.loading.posting import Refusal
from fhir_server.cli.loading.submissions import Entry


class Rejects:
    """Writes the file, which comes into being with the first reject."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_type: Counter[str] = Counter()
        self._file: IO[bytes] | None = None

    @property
    def count(self) -> int:
        return self.by_type.total()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, entry: Entry, refusal: Refusal) -> None:
        """Note an entry that the server refused."""
        line: dict[str, object] = {"place": entry.place, "status": refusal.status, "reason": refusal.reason}
        if entry.resource is not None:
            line["resource"] = msgspec.Raw(msgspec.json.format(entry.resource, indent=-1))
        self._write(entry.type, line)

    def add_unreadable(self, reason: str) -> None:
        """Note a file or line that could not be sent."""
        self._write("(unreadable)", {"reason": reason})

    def _write(self, type_: str, line: dict[str, object]) -> None:
        self.by_type[type_] += 1
        if self._file is None:
            try:
                self._file = self.path.open("wb")
            except OSError as error:
                raise CommandError(f"{self.path} cannot be written: {error.strerror}; choose --rejects") from None
        self._file.write(msgspec.json.encode(line) + b"\n")
