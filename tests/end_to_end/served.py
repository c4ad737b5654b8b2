"""A real `fhir-server serve` with its own mongod, as a user starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_LIMIT_S = 60


@dataclass(frozen=True)
class Served:
    """A running server: its base URL, and the process that the user started."""

    url: str
    process: "subprocess.Popen[str]"
    log: Path

    def family(self) -> list[int]:
        """The ids of the process and of all its descendants."""
        found = [self.process.pid]
        for pid in found:
            found += _children(pid)
        return found

    def kill(self) -> None:
        """End every process at once, as a power cut would."""
        for pid in self.family():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def served(data: Path, *options: str) -> Iterator[Served]:
    """Start a server on a free port; at the end it gets SIGTERM, unless it is gone already."""
    data.mkdir(exist_ok=True)
    log = data.with_suffix(".log")
    command = [sys.executable, "-m", "fhir_server.cli", "serve", "--data", str(data), "--port", "0", *options]
    with log.open("a") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready "), f"{line!r} {log.read_text()[-2000:]}"
        yield Served(line.split()[1], process, log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=START_LIMIT_S)


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it ended in the meantime
        return []
