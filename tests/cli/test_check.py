import gc
from pathlib import Path

import pytest
from pymongo import MongoClient

from fhir_server.cli import main
from fhir_server.cli.loopback import exchange
from tests.end_to_end.served import served


def test_check_is_silent_about_a_sound_database_and_tells_what_is_wrong_with_another(
    mongo_uri: str, database_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{database_name}_check"
    place = ["--mongo", mongo_uri, "--database", name]
    with served(tmp_path / "data", *place) as running:
        assert exchange("PUT", f"{running.url}/Patient/a", b'{"resourceType":"Patient","id":"a"}').status == 201
    assert main(["check", *place]) == 0
    assert capsys.readouterr().out == "no findings: the database agrees with itself\n"

    with MongoClient[dict[str, object]](mongo_uri) as client:
        client[name]["Patient"].update_one({"_id": "a"}, {"$set": {"resource.active": True}})
    assert main(["check", *place]) == 1
    found = capsys.readouterr().out.splitlines()
    assert found == ["Patient/a: the native copy differs from the served text", "1 findings"]


def test_check_tells_what_is_missing_and_makes_nothing(
    mongo_uri: str, database_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{database_name}_check_missing"
    place = ["--mongo", mongo_uri, "--database", name]
    with served(tmp_path / "data", *place) as running:
        assert exchange("PUT", f"{running.url}/Patient/a", b'{"resourceType":"Patient","id":"a"}').status == 201
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client[name]["Patient"].update_one({"_id": "a"}, {"$unset": {"resource": 1}})
        client[name]["Patient"].drop_index("birthdate")
        for _ in range(2):
            assert main(["check", *place]) == 1
            found = capsys.readouterr().out.splitlines()
            assert found == [
                "Patient.birthdate: the index is missing or has other keys",
                "Patient/a: the native copy is missing",
                "2 findings",
            ]


def test_check_of_a_folder_without_database_is_refused_and_makes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--data", str(tmp_path / "typo")]) == 2
    assert "there is no database in" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_unreachable_database_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--mongo", "mongodb://127.0.0.1:1/?replicaSet=rs0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    # The driver drops the socket of a connection attempt that is cancelled: to be found here, not by another test.
    gc.collect()
