"""GET /hl7/v2/outgoing: what partners are still to be told, and what they refused, to be sent again or dropped."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest
from pymongo import AsyncMongoClient

from fhir_server.bridge.outbox import MongoOutbox
from fhir_server.kernel.settings import Settings
from fhir_server.storage.journal import Outgoings
from hl7_bridge.outbound.delivery import Outgoing
from tests.hl7_bridge.made import unique

pytestmark = pytest.mark.anyio

URL = "http://test/hl7/v2/outgoing"


@pytest.fixture
async def outbox(settings: Settings) -> AsyncIterator[MongoOutbox]:
    async with AsyncMongoClient(settings.mongo) as client:
        outgoings = Outgoings(client[settings.database])
        await outgoings.prepare()
        yield MongoOutbox(outgoings)


async def refused(outbox: MongoOutbox, partner: str) -> str:
    """Queue a message for a partner who has said no; return its id."""
    message = Outgoing(
        control_id=unique("OUT"),
        partner=partner,
        subject="Patient/1/_history/1",
        queued=datetime(2024, 3, 5, tzinfo=UTC),
    )
    await outbox.put(partner, [message], "2024-03-05T00:00:00Z")
    await outbox.note(replace(message, state="refused", reason="AR", attempts=1))
    return message.control_id


async def listed(fhir: httpx2.AsyncClient, **params: str) -> list[dict[str, object]]:
    answer = (await fhir.get(URL, params=params)).raise_for_status()
    found: list[dict[str, object]] = answer.json()["outgoing"]
    return found


async def test_refused_messages_are_listed_without_their_content(fhir: httpx2.AsyncClient, outbox: MongoOutbox) -> None:
    partner = unique("lab")
    id_ = await refused(outbox, partner)
    assert await listed(fhir, partner=partner) == [
        {
            "id": id_,
            "partner": partner,
            "subject": "Patient/1/_history/1",
            "queued": "2024-03-05T00:00:00+00:00",
            "state": "refused",
            "attempts": 1,
            "reason": "AR",
        }
    ]


async def test_messages_of_all_partners_are_listed(fhir: httpx2.AsyncClient, outbox: MongoOutbox) -> None:
    ids = {await refused(outbox, unique("lab")), await refused(outbox, unique("ward"))}
    assert ids <= {one["id"] for one in await listed(fhir, _count="1000")}


async def test_a_refused_message_is_sent_again(fhir: httpx2.AsyncClient, outbox: MongoOutbox) -> None:
    partner = unique("lab")
    id_ = await refused(outbox, partner)
    assert (await fhir.post(f"{URL}/{id_}/$again")).status_code == 204
    assert [one["id"] for one in await listed(fhir, partner=partner, state="waiting")] == [id_]
    assert (await fhir.post(f"{URL}/{id_}/$again")).status_code == 404


async def test_a_dropped_message_is_the_next_one_no_more(fhir: httpx2.AsyncClient, outbox: MongoOutbox) -> None:
    partner = unique("lab")
    first, second = await refused(outbox, partner), await refused(outbox, partner)
    for id_ in (first, second):
        (await fhir.post(f"{URL}/{id_}/$again")).raise_for_status()
    assert (await fhir.post(f"{URL}/{first}/$drop")).status_code == 204
    waiting = await outbox.next(partner)
    assert waiting is not None
    assert waiting.control_id == second
    assert [one["id"] for one in await listed(fhir, partner=partner, state="dropped")] == [first]


@pytest.mark.parametrize("query", ["state=lost", "_count=0", "_count=many"])
async def test_what_cannot_be_listed_is_refused_with_its_place(fhir: httpx2.AsyncClient, query: str) -> None:
    answer = await fhir.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [query.partition("=")[0]]
