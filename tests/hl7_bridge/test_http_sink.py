"""The bridge alone: the pipeline over HTTP against a FHIR server, with a journal of its own."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from conformance.load import definitions
from fhir_server.http.middleware import Edge
from hl7_bridge.convert import Converter
from hl7_bridge.er7 import parse
from hl7_bridge.http_sink import HttpStore, connected
from hl7_bridge.inbound.join import Joiner
from hl7_bridge.inbound.pipeline import Inbound, Processed, Surroundings
from hl7_bridge.inbound.processing import Processing
from hl7_bridge.journal import SqliteJournal
from hl7_bridge.ports import Conflict, Question, Refused, Unavailable
from tests.hl7_bridge.made import admission, merge, report, unique

pytestmark = pytest.mark.anyio

SYSTEM = "urn:hl7v2:authority:HOSP"


@pytest.fixture
async def store(app: Edge) -> AsyncIterator[HttpStore]:
    async with connected("http://test/fhir", definitions(), transport=httpx2.ASGITransport(app=app)) as one:
        yield one


@pytest.fixture
async def told() -> list[Processed]:
    return []


@pytest.fixture
async def inbound(store: HttpStore, told: list[Processed], tmp_path: Path) -> AsyncIterator[Inbound]:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    converter = Converter(zone=ZoneInfo("UTC"))
    around = Surroundings(lambda: datetime(2024, 7, 1, tzinfo=UTC), lambda: unique("A"), told.append)
    made = Inbound(converter, journal, Processing(store, store, Joiner(definitions())), around)
    yield made
    await made.idle()
    await journal.close()


async def code(inbound: Inbound, raw: bytes) -> str:
    [ack] = await inbound.handle(raw)
    segment = parse(ack).first("MSA")
    assert segment is not None, ack
    return segment.value(1)


async def found(fhir: httpx2.AsyncClient, query: str) -> list[dict[str, Any]]:
    bundle = (await fhir.get(f"/{query}")).raise_for_status().json()
    return [entry["resource"] for entry in bundle.get("entry", ())]


async def test_messages_go_into_the_store_once(inbound: Inbound, fhir: httpx2.AsyncClient) -> None:
    id_ = unique("al")
    raw = report(id_, unique("O"), "4.1", control_id=unique("C"))
    assert [await code(inbound, raw), await code(inbound, raw)] == ["AA", "AA"]
    [patient] = await found(fhir, f"Patient?identifier={SYSTEM}|{id_}")
    assert len(await found(fhir, f"Observation?subject=Patient/{patient['id']}")) == 1


async def test_a_lost_journal_does_not_make_anything_twice(
    store: HttpStore, told: list[Processed], tmp_path: Path, fhir: httpx2.AsyncClient
) -> None:
    id_ = unique("lj")
    raw = report(id_, unique("O"), "4.1", control_id=unique("C"))
    for name in ("one", "two"):
        journal = SqliteJournal(tmp_path / name)
        around = Surroundings(lambda: datetime(2024, 7, 1, tzinfo=UTC), lambda: unique("A"), told.append)
        processing = Processing(store, store, Joiner(definitions()))
        inbound = Inbound(Converter(zone=ZoneInfo("UTC")), journal, processing, around)
        assert await code(inbound, raw) == "AA"
        await inbound.idle()
        await journal.close()
    [patient] = await found(fhir, f"Patient?identifier={SYSTEM}|{id_}")
    assert len(await found(fhir, f"Provenance?target=Patient/{patient['id']}")) == 1
    assert len(await found(fhir, f"DocumentReference?subject=Patient/{patient['id']}")) == 1


async def test_merges_and_older_events_work_over_http(inbound: Inbound, fhir: httpx2.AsyncClient) -> None:
    prior, survivor = unique("ap"), unique("as")
    for id_ in (prior, survivor):
        assert await code(inbound, admission(id_, control_id=unique("C"), name="DOE^NEW")) == "AA"
    old = admission(prior, control_id=unique("C"), name="DOE^OLD", at="20230101100000+0000")
    assert await code(inbound, old) == "AA"
    [patient] = await found(fhir, f"Patient?identifier={SYSTEM}|{prior}")
    assert patient["name"][0]["given"] == ["NEW"]
    assert await code(inbound, merge(survivor, prior, control_id=unique("C"))) == "AA"
    assert await found(fhir, f"Encounter?subject=Patient/{patient['id']}") == []


async def test_the_operator_learns_of_each_message_without_its_content(inbound: Inbound, told: list[Processed]) -> None:
    id_ = unique("op")
    await code(inbound, admission(id_, control_id=unique("C"), born="19801399"))
    [one] = told
    assert (one.sender, one.type, one.result, one.code) == ("LAB|HOSP", "ADT^A01", "error", "102")
    assert one.place.startswith("PID-7")
    assert "19801399" not in repr(one)


async def test_questions_are_answered_in_their_order(store: HttpStore, fhir: httpx2.AsyncClient) -> None:
    ids = [unique("qq") for _ in range(3)]
    for id_ in (*ids[:2], ids[1]):
        body = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": id_}]}
        (await fhir.post("/Patient", json=body)).raise_for_status()
    answers = await store.find([Question("Patient", f"identifier={SYSTEM}|{id_}") for id_ in ids])
    assert [len(answer) for answer in answers] == [1, 2, 0]


async def test_one_crowded_identifier_does_not_hide_the_others(store: HttpStore, fhir: httpx2.AsyncClient) -> None:
    crowd, single = unique("cr"), unique("si")
    for id_ in (single, *[crowd] * 6):
        body = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": id_}]}
        (await fhir.post("/Patient", json=body)).raise_for_status()
    questions = [Question("Patient", f"identifier={SYSTEM}|{id_}") for id_ in (crowd, single)]
    many, one = await store.find(questions)
    assert len(many) >= 2
    assert len(one) == 1


async def test_a_stale_version_is_a_conflict_and_a_broken_resource_is_refused(
    store: HttpStore, fhir: httpx2.AsyncClient
) -> None:
    made = (await fhir.post("/Patient", json={"resourceType": "Patient"})).json()
    put = {"method": "PUT", "url": f"Patient/{made['id']}", "ifMatch": 'W/"9"'}
    entry = {"resource": {"resourceType": "Patient", "id": made["id"], "active": True}, "request": put}
    with pytest.raises(Conflict):
        await store.submit({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    broken = {
        "resource": {"resourceType": "Patient", "birthDate": "secret"},
        "request": {"method": "POST", "url": "Patient"},
    }
    with pytest.raises(Refused) as caught:
        await store.submit({"resourceType": "Bundle", "type": "transaction", "entry": [broken]})
    assert "secret" not in str(caught.value)
    assert "birthDate" in str(caught.value)


class Foreign:
    """Another vendor's FHIR server, as far as the bridge sees it: what it can, and pages without end."""

    def __init__(self, rest: list[Any], further: str = "") -> None:
        self.rest = rest
        self.further = further
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        if request.url.path.endswith("/metadata"):
            return httpx2.Response(200, json={"resourceType": "CapabilityStatement", "rest": self.rest})
        links = [{"relation": "next", "url": self.further}] if self.further else []
        return httpx2.Response(200, json={"resourceType": "Bundle", "type": "searchset", "link": links})


LINKS = [{"type": "Provenance", "updateCreate": True, "searchParam": [{"name": "when"}]}]


@pytest.mark.parametrize("rest", [[], [{}], [{"resource": []}], [{"resource": [{"type": "Patient"}]}]])
async def test_a_server_that_does_not_say_who_gives_the_ids_gives_them(rest: list[Any]) -> None:
    async with connected("http://a/fhir", definitions(), transport=httpx2.MockTransport(Foreign(rest))) as store:
        assert store.gives_ids


async def test_a_link_to_another_server_is_not_followed() -> None:
    server = Foreign([{"resource": LINKS}], further="http://elsewhere/fhir?page=2")
    async with connected("http://a/fhir", definitions(), transport=httpx2.MockTransport(server)) as store:
        with pytest.raises(Refused, match="another server"):
            await store.later(["Patient/1"], "2024-01-01")
    assert not [url for url in server.asked if "elsewhere" in url]


async def test_pages_without_end_are_refused_and_not_taken_for_all() -> None:
    server = Foreign([{"resource": LINKS}], further="/fhir?page=2")
    async with connected("http://a/fhir", definitions(), transport=httpx2.MockTransport(server)) as store:
        with pytest.raises(Refused, match="pages"):
            await store.later(["Patient/1"], "2024-01-01")
    assert "http://a/fhir?page=2" in server.asked


async def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with connected("http://127.0.0.1:9/fhir", definitions()):
            pass
