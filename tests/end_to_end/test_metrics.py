"""With several workers, each tells the figures of all."""

from pathlib import Path

from fhir_server.cli.loopback import exchange
from tests.end_to_end.served import served

READS = 30


def test_whichever_worker_answers_metrics_are_of_all(tmp_path: Path) -> None:
    with served(tmp_path / "data", "--workers", "2") as server:
        for number in range(READS):  # each over a connection of its own: both workers get some
            assert 404 == exchange("GET", f"{server.url}/Patient/none-{number}").status
        metrics = server.url.replace("/fhir", "/metrics")
        told = {exchange("GET", metrics).body.decode().split('status="404"} ')[1].split()[0] for _ in range(10)}
    assert {f"{READS}.0"} == told
