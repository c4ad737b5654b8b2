"""Planted contradictions are found, and named."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from fhir_server.kernel.types import Change, Draft, Version
from fhir_server.storage import Storage
from tests.storage.make import START, creation, deletion, update

Corrupt = Callable[[Any], Awaitable[Any]]

CORRUPTIONS: dict[str, tuple[Corrupt, str, str]] = {
    "native copy": (
        lambda db: db.Patient.update_one({"_id": "a"}, {"$set": {"resource.birthDate": "1970-01-02"}}),
        "Patient/a",
        "native copy",
    ),
    "order of the native copy": (
        lambda db: db.Patient.update_one({"_id": "a"}, [{"$set": {"resource": {"id": "a", "x": 1}}}]),
        "Patient/a",
        "native copy",
    ),
    "text": (
        lambda db: db.Patient.update_one({"_id": "a"}, {"$set": {"json": b'{"resourceType":'}}),
        "Patient/a",
        "not JSON",
    ),
    "identity": (lambda db: db.Patient.update_one({"_id": "a"}, {"$set": {"version": 4}}), "Patient/a", "another type"),
    "gap": (lambda db: db.Patient_history.delete_one({"_id": "a/1"}), "Patient/a", "history lacks 1"),
    "no history at all": (lambda db: db.Patient_history.delete_many({}), "Patient/a", "history lacks 1, 2"),
    "orphan": (lambda db: db.Patient.delete_one({"_id": "a"}), "Patient/a", "no current one"),
    "surplus": (
        lambda db: db.Patient_history.insert_one(
            {"_id": "a/7", "id": "a", "version": 7, "updated": START, "until": START, "method": "DELETE"}
        ),
        "Patient/a",
        "not older",
    ),
    "end": (
        lambda db: db.Patient_history.update_one({"_id": "a/2"}, {"$set": {"until": START}}),
        "Patient/a",
        "version 2 does not end",
    ),
    "instant": (
        lambda db: db.Patient.update_one({"_id": "b"}, {"$set": {"updated": START + timedelta(days=1)}}),
        "Patient/b",
        "instant",
    ),
    "superseded text": (
        lambda db: db.Patient_history.update_one({"_id": "a/1"}, {"$set": {"json": b"{}"}}),
        "Patient/a/_history/1",
        "another type",
    ),
    "deletion with content": (
        lambda db: db.Patient.update_one({"_id": "gone"}, {"$set": {"json": b"{}"}}),
        "Patient/gone",
        "deletion",
    ),
    "content": (lambda db: db["blobs.files"].delete_many({}), "Binary/doc/_history/1", "GridFS"),
    "index": (lambda db: db.Patient_history.drop_index("versions"), "Patient_history.versions", "index"),
}


@pytest.fixture
async def healthy(storage: Storage) -> Storage:
    """Patient a with three versions, b with one, gone that is deleted, and a Binary with content in GridFS."""
    a1, b1, gone = creation("a"), creation("b"), creation("gone")
    await storage.writer.commit([a1, b1, gone])
    await storage.writer.commit([a2 := update(a1.draft.version)])
    await storage.writer.commit([update(a2.draft.version), deletion(gone.draft.version)])
    doc = creation("doc", type_="Binary").draft
    version = Version(
        "Binary", "doc", 1, doc.version.updated, "POST", doc.version.json, blob=await storage.blobs.put(b"x")
    )
    await storage.writer.commit([Change(Draft(version, doc.resource))])
    return storage


async def test_a_healthy_database_has_no_findings(healthy: Storage) -> None:
    assert [finding async for finding in healthy.verify()] == []


@pytest.mark.parametrize("name", CORRUPTIONS)
async def test_a_planted_contradiction_is_found(healthy: Storage, name: str) -> None:
    corrupt, place, problem = CORRUPTIONS[name]
    await corrupt(healthy.database)
    findings = [finding async for finding in healthy.verify()]
    assert any(finding.place == place and problem in finding.problem for finding in findings), findings
    if name == "index":
        await healthy.schema._make("Patient")


async def test_more_documents_than_one_step_of_the_walk_are_all_checked(storage: Storage) -> None:
    await storage.writer.commit([creation(f"n{number:04}") for number in range(450)])
    await storage.database["Patient"].update_many(
        {"_id": {"$in": ["n0000", "n0250", "n0449"]}}, {"$set": {"json": b"["}}
    )
    places = [finding.place async for finding in storage.verify()]
    assert places == ["Patient/n0000", "Patient/n0250", "Patient/n0449"]
