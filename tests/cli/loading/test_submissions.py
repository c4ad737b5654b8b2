import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fhir_server.cli.loading.submissions import Submission, Unreadable, files, submissions

PATIENT = {"resourceType": "Patient", "id": "a"}
NAMELESS = {"resourceType": "Basic", "code": {"text": "x"}}


def sent(path: Path) -> list[Submission]:
    found = list(submissions(path))
    assert all(isinstance(item, Submission) for item in found)
    return [item for item in found if isinstance(item, Submission)]


def write(path: Path, content: Any) -> Path:
    text = json.dumps(content).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def bundle(type_: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


@pytest.mark.parametrize("type_", ["transaction", "batch"])
@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_transaction_and_batch_are_sent_to_the_byte(tmp_path: Path, type_: str, name: str) -> None:
    content = bundle(
        type_,
        {"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/a"}},
        {"request": {"method": "DELETE", "url": "Patient/b"}},
    )
    [submission] = sent(write(tmp_path / name, content))
    assert (submission.kind, json.loads(submission.body)) == (type_, content)
    assert [entry.type for entry in submission.entries] == ["Patient", ""]
    assert submission.entries[1].place == f"{tmp_path / name}#entry[1]"


def test_collection_becomes_a_transaction_that_keeps_full_urls(tmp_path: Path) -> None:
    content = bundle("collection", {"fullUrl": "urn:uuid:1", "resource": PATIENT}, {"resource": NAMELESS})
    [submission] = sent(write(tmp_path / "a.json", content))
    assert json.loads(submission.body) == bundle(
        "transaction",
        {"fullUrl": "urn:uuid:1", "resource": PATIENT, "request": {"method": "PUT", "url": "Patient/a"}},
        {"resource": NAMELESS, "request": {"method": "POST", "url": "Basic"}},
    )


def test_searchset_becomes_batches_without_its_outcomes(tmp_path: Path) -> None:
    outcome = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    matches = [{"resource": {"resourceType": "Patient", "id": f"p{number}"}} for number in range(201)]
    found = sent(write(tmp_path / "a.json", bundle("searchset", outcome, *matches)))
    assert [(submission.kind, len(submission.entries)) for submission in found] == [("batch", 200), ("batch", 1)]
    assert found[0].entries[0].place.endswith("#entry[1]")


@pytest.mark.parametrize("content", [NAMELESS, bundle("document"), bundle("history"), bundle("")])
def test_any_other_resource_is_a_batch_of_one(tmp_path: Path, content: dict[str, Any]) -> None:
    [submission] = sent(write(tmp_path / "a.json", content))
    request = {"method": "POST", "url": content["resourceType"]}
    assert json.loads(submission.body) == bundle("batch", {"resource": content, "request": request})


@pytest.mark.parametrize("name", ["a.ndjson", "a.ndjson.gz"])
def test_lines_become_batches_with_digits_and_order_as_written(tmp_path: Path, name: str) -> None:
    lines = b'{"resourceType":"Basic","z":1.00,"a":2}\n\n{"resourceType":"Basic","id":"b"}\r\n' * 150
    path = tmp_path / name
    path.write_bytes(gzip.compress(lines) if name.endswith("gz") else lines)
    found = sent(path)
    assert [len(submission.entries) for submission in found] == [200, 100]
    assert b'{"resource":{"resourceType":"Basic","z":1.00,"a":2},"request":{"method":"POST"' in found[0].body
    assert found[0].entries[1].place == f"{path}:3"


def test_line_that_is_no_json_is_told_and_its_neighbours_are_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"resourceType":"Basic"}\n{oops\n{"resourceType":"Basic"}\n')
    bad, good = list(submissions(path))
    assert isinstance(bad, Unreadable)
    assert str(bad).startswith(f"{path}:2: not a FHIR resource in JSON")
    assert isinstance(good, Submission)
    assert len(good.entries) == 2


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{oops", b'{"resourceType":1}', b'{"resourceType":"Bundle","type":{}}']
)
def test_file_that_is_no_resource_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    [problem] = submissions(path)
    if content.endswith(b"{}}"):  # the type of a Bundle is the server's to judge
        assert isinstance(problem, Submission)
    else:
        assert str(problem).startswith(f"{path}: not a FHIR resource in JSON")


@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(b"{}" * 100, mtime=0)[:-12], b"\x1f\x8b\x08\x00broken......"]
)
def test_damaged_archive_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(content)
    [problem] = submissions(path)
    assert str(problem).startswith(f"{path}: cannot be read")


def test_folder_is_searched_and_files_that_others_refer_to_come_first(tmp_path: Path) -> None:
    names = ["b.json", "a.ndjson.gz", "deep/c.json.gz", "practitionerInformation1.json", "notes.txt"]
    (tmp_path / "deep").mkdir()
    for name in names:
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in files([tmp_path])]
    assert found == ["practitionerInformation1.json", "a.ndjson.gz", "b.json", "deep/c.json.gz"]


def test_missing_path_and_empty_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no such file"):
        files([tmp_path / "none.json"])
    with pytest.raises(Unreadable, match=r"no \.json"):
        files([tmp_path])
