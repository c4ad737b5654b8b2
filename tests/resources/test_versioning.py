"""fhir_server.resources.versioning: id and meta, without touching the rest."""

from datetime import UTC, datetime, timedelta

from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.types import Version
from fhir_server.resources.versioning import etag, next_instant, stamp, unchanged

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)


def version(**changes: object) -> Version:
    content = {"type": "Patient", "id": "p", "version": 3, "updated": NOON, "method": "PUT", "json": b"{}"}
    return Version(**{**content, **changes})  # type: ignore[arg-type]


def test_id_and_meta_follow_the_resource_type_when_the_client_sent_none() -> None:
    stamped = stamp({"resourceType": "Patient", "active": True}, "p", version=1, updated=NOON)
    assert ["resourceType", "id", "meta", "active"] == list(stamped)
    assert {"versionId": "1", "lastUpdated": "2026-11-22T12:00:00.123Z"} == stamped["meta"]


def test_elements_keep_their_order_and_meta_its_other_parts() -> None:
    sent = {"resourceType": "Patient", "active": True, "meta": {"tag": [{"code": "x"}], "versionId": "9"}, "id": "q"}
    stamped = stamp(sent, "p", version=2, updated=NOON)
    assert ["resourceType", "active", "meta", "id"] == list(stamped)
    assert "p" == stamped["id"]
    assert {"tag": [{"code": "x"}], "versionId": "2", "lastUpdated": "2026-11-22T12:00:00.123Z"} == stamped["meta"]


def test_the_clients_resource_is_not_changed() -> None:
    sent = {"resourceType": "Patient", "meta": {"versionId": "9"}}
    stamp(sent, "p", version=2, updated=NOON)
    assert {"resourceType": "Patient", "meta": {"versionId": "9"}} == sent


def test_an_etag_is_weak_and_holds_the_version() -> None:
    assert 'W/"3"' == etag(version())


def test_a_version_is_made_in_whole_milliseconds() -> None:
    assert NOON.replace(microsecond=123000) == next_instant(NOON, None)


def test_a_version_is_later_than_the_one_it_replaces_though_the_clock_went_back() -> None:
    assert NOON + timedelta(milliseconds=1) == next_instant(NOON - timedelta(days=1), version())


def test_the_same_content_with_another_version_is_unchanged() -> None:
    stored = stamp({"resourceType": "Patient", "active": True}, "p", version=3, updated=NOON)
    current = version(json=encode(stored))
    assert unchanged({"resourceType": "Patient", "id": "p", "active": True}, current)
    assert unchanged({**stored, "meta": {"versionId": "1", "lastUpdated": "2001-01-01T00:00:00Z"}}, current)
    assert not unchanged({"resourceType": "Patient", "id": "p", "active": False}, current)
