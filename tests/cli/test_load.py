import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir_server.cli import main
from fhir_server.cli.loopback import exchange
from tests.end_to_end.served import served

SYNTHEA = Path(__file__).parents[3] / "shared" / "data" / "synthea"


@pytest.fixture(scope="module")
def url(mongo_uri: str, database_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("load") / "data"
    with served(folder, "--mongo", mongo_uri, "--database", f"{database_name}_load") as running:
        yield running.url


@pytest.fixture(autouse=True)
def in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def patient(id_: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **elements}


def rejected() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("rejected.ndjson").read_text().splitlines()]


def test_lines_are_stored_and_the_summary_counts_them_by_type(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ndjson").write_text("\n".join(json.dumps(patient(f"lines-{number}")) for number in range(450)))
    assert main(["load", "a.ndjson", "--url", url]) == 0
    assert exchange("GET", f"{url}/Patient/lines-449").status == 200
    said = capsys.readouterr().out
    assert "450 entries stored" in said
    assert "Patient" in said
    assert not Path("rejected.ndjson").exists()


def test_bad_line_is_rejected_with_its_reason_and_its_neighbours_are_stored(url: str) -> None:
    rows = [patient("good-1"), patient("bad", birthDate="1984-02-30"), patient("good-2")]
    Path("a.ndjson.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    assert main(["load", "a.ndjson.gz", "--url", url]) == 1
    [line] = rejected()
    assert (line["place"], line["resource"]) == ("a.ndjson.gz:2", rows[1])
    assert line["status"] in (400, 422)
    assert "Patient.birthDate" in line["reason"]
    assert exchange("GET", f"{url}/Patient/good-2").status == 200


def test_refused_transaction_rejects_all_its_entries(url: str) -> None:
    rows = [patient("all-or-nothing"), patient("bad", colour="red")]
    Path("a.json").write_text(
        json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": row} for row in rows]})
    )
    assert main(["load", "a.json", "--url", url]) == 1
    assert [line["place"] for line in rejected()] == ["a.json#entry[0]", "a.json#entry[1]"]
    assert exchange("GET", f"{url}/Patient/all-or-nothing").status == 404


def test_transaction_that_refers_to_a_later_file_is_sent_again(url: str) -> None:
    reference = {"reference": "Practitioner?identifier=http://example.org/staff|later"}
    refers = {
        "resource": {"resourceType": "Patient", "generalPractitioner": [reference]},
        "request": {"method": "POST", "url": "Patient"},
    }
    Path("a.json").write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [refers]}))
    identifier = {"system": "http://example.org/staff", "value": "later"}
    Path("b.json").write_text(json.dumps({"resourceType": "Practitioner", "id": "later", "identifier": [identifier]}))
    assert main(["load", ".", "--url", url, "--in-flight", "1"]) == 0
    found = json.loads(exchange("GET", f"{url}/Patient?general-practitioner=Practitioner/later").body)
    assert len(found["entry"]) == 1


def test_unreadable_file_is_rejected_and_the_rest_is_loaded(url: str) -> None:
    Path("a.json").write_text("{oops")
    Path("b.json").write_text(json.dumps(patient("beside-unreadable")))
    assert main(["load", ".", "--url", url]) == 1
    assert rejected()[0]["reason"].startswith("a.json: not a FHIR resource in JSON")
    assert exchange("GET", f"{url}/Patient/beside-unreadable").status == 200


def test_loading_twice_what_has_ids_changes_nothing(url: str) -> None:
    Path("a.ndjson").write_text(json.dumps(patient("twice")))
    for _ in range(2):
        assert main(["load", "a.ndjson", "--url", url]) == 0
    assert json.loads(exchange("GET", f"{url}/Patient/twice").body)["meta"]["versionId"] == "1"


def test_server_that_is_not_there_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.json").write_text(json.dumps(patient("x")))
    assert main(["load", "a.json", "--url", "http://127.0.0.1:1/fhir"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("fhir-server: http://127.0.0.1:1/fhir does not answer (ConnectError)")


@pytest.mark.parametrize("wrong", ["", "/fhir/Patient", "/health/ready"])
def test_url_that_is_no_fhir_base_is_one_line_and_nothing_is_rejected(
    wrong: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.json").write_text(json.dumps(patient("x")))
    elsewhere = url.removesuffix("/fhir") + wrong
    assert main(["load", "a.json", "--url", elsewhere]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"fhir-server: {elsewhere} is not the base URL of a FHIR server")
    assert not Path("rejected.ndjson").exists()


@pytest.mark.parametrize("flags", [["none.json"], [".", "--in-flight", "0"]])
def test_bad_argument_is_status_2(flags: list[str]) -> None:
    assert main(["load", *flags]) == 2


@pytest.mark.skipif(not SYNTHEA.exists(), reason="the Synthea material is not there")
def test_synthea_loads_without_a_rejected_entry(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", str(SYNTHEA), "--url", url]) == 0
    assert "12299 entries stored" in capsys.readouterr().out
