"""A MongoDB for one run of the benchmark: private, on an empty temporary folder.

Spec: https://www.mongodb.com/docs/manual/reference/program/mongod/
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import Mongod


@dataclass(frozen=True, slots=True)
class Private:
    """A mongod that runs."""

    uri: str
    pid: int


@contextmanager
def private_mongod() -> Iterator[Private]:
    """Give a mongod for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, asyncio.Runner() as runner:
        mongod = runner.run(Mongod.start(Settings(data=Path(folder))))
        try:
            yield Private(mongod.uri, mongod.process.pid)
        finally:
            runner.run(mongod.stop())
