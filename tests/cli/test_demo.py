import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fhir_server.cli import main
from fhir_server.cli.loopback import exchange


@contextmanager
def demo(folder: Path, *flags: str) -> Iterator[list[str]]:
    """Run the demo in a folder; give what it says up to its last line."""
    command = [sys.executable, "-m", "fhir_server.cli", "demo", "--port", "0", *flags]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith("Ctrl-C"):
                break
        try:
            yield said
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0


def total(said: list[str], query: str) -> int:
    url = next(line.removeprefix("ready ") for line in said if line.startswith("ready "))
    answer = exchange("GET", f"{url}/{query}&_summary=count")
    return int(json.loads(answer.body)["total"])


def test_clinic_is_loaded_on_the_first_start_only_and_reset_starts_over(tmp_path: Path) -> None:
    with demo(tmp_path) as said:
        assert said[0] == "loading a small clinic …"
        assert sum(line.startswith("  curl ") for line in said) == 3
        assert total(said, "Patient?active=true") == 20
        assert total(said, "Patient?_content=female+OR+male") > 0
        url = said[1].removeprefix("ready ")
        assert exchange("DELETE", f"{url}/Appointment/none").status in (200, 204)
        assert exchange("PUT", f"{url}/Patient/mine", b'{"resourceType":"Patient","id":"mine"}').status == 201
    with demo(tmp_path) as said:
        assert said[0].startswith("ready ")
        assert total(said, "Patient?_id=mine") == 1
    with demo(tmp_path, "--reset") as said:
        assert said[0] == "loading a small clinic …"
        assert total(said, "Patient?_id=mine") == 0


def test_reset_leaves_a_folder_alone_that_the_demo_did_not_make(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").touch()
    assert main(["demo", "--reset", "--data", str(tmp_path)]) == 2
    assert "was not made by the demo" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


def test_reset_of_a_database_elsewhere_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--reset", "--mongo", "mongodb://db/?replicaSet=r"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
