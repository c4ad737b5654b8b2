"""The processes that are measured: our server by its own command line, the floor by uvicorn with the same options.

Spec: https://hl7.org/fhir/R4/http.html
"""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_READY_WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers; `pid` is the process that was started, not necessarily the one that serves."""

    port: int
    pid: int


@contextmanager
def fhir_server(*flags: str, log: IO[str] | None = None) -> Iterator[Running]:
    """Run `fhir-server serve` for the length of the block; it logs to `log`, or to our own stderr."""
    command = [sys.executable, "-m", "fhir_server.cli", "serve", "--port", "0", "--log-level", "warning", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            assert process.stdout is not None
            ready = re.fullmatch(r"ready http://127\.0\.0\.1:(\d+)/fhir\n", process.stdout.readline())
            if ready is None:
                raise RuntimeError("the server did not start: see above")
            yield Running(int(ready[1]), process.pid)
        finally:
            process.terminate()


@contextmanager
def hello(workers: int) -> Iterator[Running]:
    """Run the floor for the length of the block."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "bench.hello:app", "--port", str(port), "--workers", str(workers)]
    quiet = ["--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
    with subprocess.Popen([*command, *quiet]) as process:
        try:
            _wait_for(port)
            yield Running(port, process.pid)
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def descendants(pid: int) -> dict[int, str]:
    """Return the processes below one, by id, with their names."""
    below: dict[int, str] = {}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            below |= {child: Path(f"/proc/{child}/cmdline").read_text().replace("\0", " "), **descendants(child)}
    return below


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def _wait_for(port: int) -> None:
    for _ in range(_READY_WITHIN_S * 20):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            time.sleep(1)  # the other workers, too
            return
    raise RuntimeError("the floor did not start: see above")
