"""One private mongod for a whole test run, also when pytest-xdist runs it in several processes.

The first worker that needs it starts it; it ends when the last one is done.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import Mongod


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of the run's mongod."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with _locked(shared / "mongod.lock"):
        address = shared / "mongod.uri"
        starter = not address.exists()
        folder = Path(tempfile.mkdtemp(prefix="fhir-test-")) if starter else Path(address.read_text().split("\n")[1])
        mongod = asyncio.run(Mongod.start(Settings(data=folder))) if starter else None
        if mongod is not None:
            address.write_text(f"{mongod.uri}\n{folder}")
        uri = address.read_text().split("\n")[0]
        user = (folder / "users").open("a")
        fcntl.flock(user, fcntl.LOCK_SH)
    yield uri
    fcntl.flock(user, fcntl.LOCK_UN)
    if mongod is not None:
        with _locked(shared / "mongod.lock"):
            (shared / "mongod.uri").unlink()  # a worker that comes later starts its own
        fcntl.flock(user, fcntl.LOCK_EX)  # waits for the others
        asyncio.run(mongod.stop())
        shutil.rmtree(folder)
    user.close()


@pytest.fixture(scope="session")
def database_name() -> str:
    """The name of this worker's database."""
    return f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


@contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
