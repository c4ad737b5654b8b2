import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fhir_server.cli.loopback import exchange
from tests.end_to_end.served import Served, served

_ANSWER_WITHIN_S = 30


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve") / "data"


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Served]:
    """Two workers over a private mongod."""
    with served(data, "--workers", "2") as running:
        yield running


def fails(*flags: str) -> str:
    """Run `serve`, which must not start, and return what it says."""
    command = [sys.executable, "-m", "fhir_server.cli", "serve", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def eventually(url: str) -> int:
    """Return the first status that is an answer and not an excuse."""
    deadline = time.monotonic() + _ANSWER_WITHIN_S
    while (status := exchange("GET", url).status) in (0, 503) and time.monotonic() < deadline:
        time.sleep(0.1)
    return status


def named(running: Served, part: str) -> list[int]:
    """Return the processes of a server whose command contains a word."""
    return [pid for pid in running.family() if part in _command(pid)]


def logged(running: Served) -> list[dict[str, object]]:
    """Return what every line of the log says, apart from when and of which worker: each of them is JSON."""
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    return [{name: line[name] for name in ("level", "event", "status") if name in line} for line in lines]


def _command(pid: int) -> str:
    """Return the command line of a process; it may end while one looks."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return ""


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def test_ready_means_that_requests_are_answered(server: Served) -> None:
    assert exchange("GET", f"{server.url}/metadata").status == 200
    assert len(named(server, "fhir_server.cli.worker")) == 2


def test_data_folder_in_use_is_one_line_and_status_2(server: Served, data: Path) -> None:
    said = fails("--data", str(data), "--port", "0")
    assert said == (
        f"fhir-server: the data folder {data} is in use by process {server.process.pid}: "
        "stop it, or choose another folder with --data\n"
    )


def test_taken_port_is_one_line_and_status_2_and_starts_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = fails("--data", str(tmp_path / "data"), "--port", str(port))
    assert said.startswith(f"fhir-server: port {port} on 127.0.0.1 is taken")
    assert said.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_missing_mongod_is_one_line_and_status_2(tmp_path: Path) -> None:
    said = fails("--data", str(tmp_path), "--port", "0", "--mongod", str(tmp_path / "none"))
    assert said.startswith("fhir-server: ")
    assert said.count("\n") == 1


def test_unreachable_database_is_one_line_and_status_2() -> None:
    said = fails("--mongo", "mongodb://127.0.0.1:1/?replicaSet=rs0", "--port", "0")
    assert said.startswith("fhir-server: ")
    assert said.count("\n") == 1


def test_worker_that_dies_is_started_again(server: Served) -> None:
    before = named(server, "fhir_server.cli.worker")
    os.kill(before[0], signal.SIGKILL)
    deadline = time.monotonic() + _ANSWER_WITHIN_S
    while len(after := named(server, "fhir_server.cli.worker")) < 2 or before[0] in after:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert eventually(f"{server.url}/metadata") == 200
    assert {"level": "warning", "event": "worker ended", "status": -signal.SIGKILL} in logged(server)


def test_private_mongod_that_dies_is_started_again_with_its_data(server: Served) -> None:
    patient = json.dumps({"resourceType": "Patient", "id": "kept"}).encode()
    assert exchange("PUT", f"{server.url}/Patient/kept", patient).status == 201
    [mongod] = named(server, "mongod.sock")
    os.kill(mongod, signal.SIGKILL)
    assert eventually(f"{server.url}/Patient/kept") == 200
    assert {"level": "warning", "event": "mongod ended", "status": -signal.SIGKILL} in logged(server)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_lets_requests_in_flight_finish_and_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path / "data") as running:
        family = running.family()
        entry = {
            "resource": {"resourceType": "Basic", "code": {"text": "x"}},
            "request": {"method": "POST", "url": "Basic"},
        }
        bundle = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry] * 3000}).encode()
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(exchange, "POST", running.url, bundle)
            time.sleep(0.2)
            running.process.send_signal(number)
            assert under_way.result().status == 200
        assert running.process.wait(timeout=30) == 0
        assert [pid for pid in family if alive(pid)] == []


def test_workers_and_database_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    with served(tmp_path / "data") as running:
        family = running.family()
        running.process.kill()
        running.process.wait()
        deadline = time.monotonic() + _ANSWER_WITHIN_S
        while any(map(alive, family)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
