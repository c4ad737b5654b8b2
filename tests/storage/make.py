"""Drafts, changes and other values for the tests of storage: valid in form, empty of meaning."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.types import Change, Draft, Method, Resource, Version

START = datetime(2026, 1, 1, tzinfo=UTC)


def draft(
    id_: str,
    version: int = 1,
    *,
    type_: str = "Patient",
    method: Method = "POST",
    updated: datetime | None = None,
    compartments: tuple[str, ...] = (),
    **content: Any,
) -> Draft:
    """Return a draft; each version is made a second after the one before."""
    updated = updated or START + timedelta(seconds=version)
    meta = {"versionId": str(version), "lastUpdated": updated.isoformat(timespec="milliseconds")[:-6] + "Z"}
    resource: Resource = {"resourceType": type_, "id": id_, "meta": meta, **content}
    stored = Version(type_, id_, version, updated, method, encode(resource), compartments)
    return Draft(stored, resource, {"id": id_, "_lastUpdated": {"low": updated}})


def creation(id_: str, **options: Any) -> Change:
    return Change(draft(id_, **options))


def update(replaces: Version, **options: Any) -> Change:
    options = {"method": "PUT", "type_": replaces.type, **options}
    return Change(draft(replaces.id, replaces.version + 1, **options), replaces)


def deletion(replaces: Version, updated: datetime | None = None) -> Change:
    number = replaces.version + 1
    at = updated or START + timedelta(seconds=number)
    return Change(Draft(Version(replaces.type, replaces.id, number, at, "DELETE", b"")), replaces)
