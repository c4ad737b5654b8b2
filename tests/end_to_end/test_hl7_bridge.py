"""`hl7-bridge` alone in front of a FHIR server, and its verbs against a listening one."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fhir_server.cli.loopback import exchange
from tests.end_to_end.served import Served, served
from tests.hl7_bridge.made import admission, unique


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("alone") / "data") as running:
        yield running


def hl7_bridge(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hl7_bridge.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def bridge(server: Served, journal: Path, *options: str) -> Iterator[str]:
    """Run the bridge alone; give its MLLP address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ("--fhir", server.url, "--mllp", str(port), "--journal", str(journal), *options)
    with subprocess.Popen(
        [sys.executable, "-m", "hl7_bridge.cli", *flags], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            assert "listening" in process.stderr.readline()
            yield f"mllp://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0


def batch(path: Path, *messages: bytes) -> Path:
    path.write_bytes(b"FHS|^~\\&\rBHS|^~\\&\r" + b"".join(messages) + b"BTS|%d\rFTS|1\r" % len(messages))
    return path


def patients(server: Served, id_: str) -> int:
    answer = exchange("GET", f"{server.url}/Patient?identifier=urn:hl7v2:authority:HOSP|{id_}")
    return answer.body.count(b'"resourceType":"Patient"')


def test_a_file_is_sent_loaded_and_repeated(server: Served, tmp_path: Path) -> None:
    id_ = unique("ab")
    file = batch(tmp_path / "a.hl7", admission(id_, control_id="A1"), admission(id_, control_id="A2", trigger="A08"))
    with bridge(server, tmp_path / "journal") as address:
        sent = hl7_bridge("send", str(file), "--to", address)
        assert (sent.returncode, sent.stdout) == (0, "AA A1\nAA A2\n")
        loaded = hl7_bridge("load", str(file), "--to", address)
        assert (loaded.returncode, loaded.stdout) == (0, "2 messages: 2 AA\n")
    assert patients(server, id_) == 1


def test_dead_letters_of_a_bridge_alone_are_corrected_and_replayed(server: Served, tmp_path: Path) -> None:
    id_, journal = unique("ad"), tmp_path / "journal"
    good = admission(id_, control_id="D1")
    bad = tmp_path / "bad.hl7"
    bad.write_bytes(good.replace(b"19800101", b"19801399"))
    right = tmp_path / "right.hl7"
    right.write_bytes(good)
    with bridge(server, journal) as address:
        sent = hl7_bridge("send", str(bad), "--to", address)
    assert sent.returncode == 1
    assert re.match(r"AE D1 PID-7", sent.stdout)
    letter = hl7_bridge("dead", "list", "--journal", str(journal)).stdout.split()[0]
    shown = hl7_bridge("dead", "show", letter, "--journal", str(journal))
    assert "19801399" in shown.stdout
    assert "PID-7" in shown.stderr
    again = hl7_bridge("dead", "replay", letter, "--journal", str(journal), "--fhir", server.url)
    assert (again.returncode, again.stdout) == (1, f"{letter} AE\n")
    assert hl7_bridge("dead", "edit", letter, str(right), "--journal", str(journal)).returncode == 0
    replayed = hl7_bridge("dead", "replay", "--journal", str(journal), "--fhir", server.url)
    assert (replayed.returncode, replayed.stdout) == (0, f"{letter} AA\n")
    assert hl7_bridge("dead", "list", "--journal", str(journal)).stdout == ""
    assert patients(server, id_) == 1


def test_dead_letters_of_a_server_are_corrected_and_replayed(server: Served, tmp_path: Path) -> None:
    id_, url = unique("as"), server.url.removesuffix("/fhir") + "/hl7/v2"
    good = admission(id_, control_id="S1")
    bad = tmp_path / "bad.hl7"
    bad.write_bytes(good.replace(b"19800101", b"19801399"))
    right = tmp_path / "right.hl7"
    right.write_bytes(good)
    assert hl7_bridge("send", str(bad), "--to", url).returncode == 1
    letter = hl7_bridge("dead", "list", "--server", url).stdout.split()[0]
    assert "19801399" in hl7_bridge("dead", "show", letter, "--server", url).stdout
    assert hl7_bridge("dead", "edit", letter, str(right), "--server", url).returncode == 0
    assert hl7_bridge("dead", "replay", "--server", url).stdout == f"{letter} AA\n"
    assert hl7_bridge("dead", "show", letter, "--server", url).returncode == 2
    assert patients(server, id_) == 1


def test_the_queue_of_a_server_is_asked_over_http(server: Served) -> None:
    queue = server.url.removesuffix("/fhir") + "/hl7/v2"
    listed = hl7_bridge("outgoing", "list", "--server", queue)
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", "")
    assert hl7_bridge("outgoing", "drop", "NONE", "--server", queue).returncode == 1
