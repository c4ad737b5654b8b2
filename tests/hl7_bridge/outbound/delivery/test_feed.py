"""Changes of a real server."""

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from hl7_bridge.outbound.delivery import FeedError, HttpFeed

pytestmark = pytest.mark.anyio


def now() -> str:
    return (datetime.now(UTC) - timedelta(milliseconds=5)).isoformat()


async def put(fhir: httpx2.AsyncClient, reference: str, **parts: object) -> None:
    type_, id_ = reference.split("/")
    answer = await fhir.put(reference, json={"resourceType": type_, "id": id_, **parts})
    assert answer.is_success, answer.text


async def test_changes_come_in_order_with_what_happened(fhir: httpx2.AsyncClient) -> None:
    since, feed = now(), HttpFeed(fhir)
    await put(fhir, "Patient/feed-1", active=True)
    await put(fhir, "Patient/feed-1", active=False)
    await fhir.delete("Patient/feed-1")
    changes = [one for one in await feed.changes(["Patient", "Claim"], since) if "feed-1" in one.subject]
    assert [(one.event, one.subject, one.resource.get("active")) for one in changes] == [
        ("create", "Patient/feed-1/_history/1", True),
        ("update", "Patient/feed-1/_history/2", False),
        ("delete", "Patient/feed-1/_history/3", False),
    ]
    assert all(datetime.fromisoformat(one.occurred).tzinfo for one in changes)


async def test_a_resource_that_is_new_by_post_is_new(fhir: httpx2.AsyncClient) -> None:
    since = now()
    id_ = (await fhir.post("Patient", json={"resourceType": "Patient"})).json()["id"]
    changes = [one for one in await HttpFeed(fhir).changes(["Patient"], since) if id_ in one.subject]
    assert [one.event for one in changes] == ["create"]


async def test_all_pages_of_a_long_history_are_read(fhir: httpx2.AsyncClient) -> None:
    since = now()
    entries = [
        {"resource": {"resourceType": "Basic", "code": {"text": "x"}}, "request": {"method": "POST", "url": "Basic"}}
        for _ in range(450)
    ]
    answer = await fhir.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.is_success, answer.text
    changes = await HttpFeed(fhir).changes(["Basic"], since)
    assert len({one.subject for one in changes}) >= 450


async def test_the_sender_whose_message_made_a_change_is_known(fhir: httpx2.AsyncClient) -> None:
    since = now()
    who = {"identifier": {"system": "urn:hl7v2:sender", "value": "LAB|NORTH"}}
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": "Patient/feed-2"}],
        "recorded": "2024-01-01T00:00:00Z",
        "agent": [{"who": who}],
    }
    entries = [
        {
            "resource": {"resourceType": "Patient", "id": "feed-2"},
            "request": {"method": "PUT", "url": "Patient/feed-2"},
        },
        {"resource": provenance, "request": {"method": "POST", "url": "Provenance"}},
    ]
    answer = await fhir.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.is_success, answer.text
    await put(fhir, "Patient/feed-2", active=True)
    changes = [one for one in await HttpFeed(fhir).changes(["Patient"], since) if "feed-2" in one.subject]
    assert [one.origin for one in changes] == ["LAB|NORTH", ""]


async def test_resources_around_are_read_where_they_exist(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "Patient/feed-3")
    found = await HttpFeed(fhir).read(["Patient/feed-3", "Patient/feed-none", "Nonsense/1"])
    assert set(found) == {"Patient/feed-3"}


async def test_a_server_that_is_away_or_ill_is_told() -> None:
    async def ill(_scope: object, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"oops"})  # type: ignore[operator]

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(ill), base_url="http://ill/") as client:  # type: ignore[arg-type]
        with pytest.raises(FeedError, match="answered 500"):
            await HttpFeed(client).changes(["Patient"], "2024-01-01")
    async with httpx2.AsyncClient(base_url="http://127.0.0.1:1/") as client:
        with pytest.raises(FeedError, match="cannot be reached"):
            await HttpFeed(client).read(["Patient/1"])
