"""batch: each entry for itself."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from fhir_server.interactions.batch import IN_FLIGHT
from fhir_server.interactions.run import EXECUTE
from fhir_server.kernel.call import Result
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import build_app
from tests.make import SYSTEM, bundle, entry, identified, patient

pytestmark = pytest.mark.anyio


async def test_one_failure_does_not_touch_the_others(fhir: httpx2.AsyncClient) -> None:
    body = bundle(
        "batch",
        entry("POST", "Patient", patient(gender="martian")),
        entry("POST", "Patient", patient(gender="male")),
        entry("GET", f"Patient/{uuid4()}"),
        entry("GET", "Foo/1"),
    )
    response = await fhir.post("/", json=body)
    answers = response.json()["entry"]
    assert (200, "batch-response") == (response.status_code, response.json()["type"])
    assert ["400", "201", "404", "404"] == [answer["response"]["status"][:3] for answer in answers]
    assert "OperationOutcome" == answers[0]["response"]["outcome"]["resourceType"]


async def test_conditional_forms_work(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    stored = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()
    criteria = f"identifier={SYSTEM}|{value}"
    body = bundle(
        "batch",
        entry("POST", "Patient", patient(), ifNoneExist=criteria),
        entry("GET", f"Patient/{stored['id']}", ifNoneMatch='W/"1"'),
    )
    answers = (await fhir.post("/", json=body)).json()["entry"]
    assert ["200", "304"] == [answer["response"]["status"][:3] for answer in answers]


async def test_reads_bring_the_resource(fhir: httpx2.AsyncClient) -> None:
    stored = (await fhir.post("/Patient", json=patient())).json()
    answers = (await fhir.post("/", json=bundle("batch", entry("GET", f"Patient/{stored['id']}")))).json()["entry"]
    assert stored == answers[0]["resource"]


async def test_an_entry_may_give_its_url_with_the_servers_base(fhir: httpx2.AsyncClient) -> None:
    stored = (await fhir.post("/Patient", json=patient())).json()
    body = bundle(
        "batch",
        entry("GET", f"http://test/fhir/Patient/{stored['id']}"),
        entry("GET", "http://a.example/x"),
        entry("GET", f"http://test/fhirPatient/{stored['id']}"),
    )
    answers = (await fhir.post("/", json=body)).json()["entry"]
    assert ["200", "400", "400"] == [answer["response"]["status"][:3] for answer in answers]


async def test_a_bundle_inside_of_a_bundle_is_refused(fhir: httpx2.AsyncClient) -> None:
    inner = bundle("batch")
    answers = (await fhir.post("/", json=bundle("batch", entry("POST", "", inner)))).json()
    assert "OperationOutcome" in str(answers)


@pytest.mark.parametrize("type_", ["batch", "transaction"])
async def test_metadata_can_be_read_in_a_bundle(fhir: httpx2.AsyncClient, type_: str) -> None:
    answers = (await fhir.post("/", json=bundle(type_, entry("GET", "metadata")))).json()["entry"]
    assert "CapabilityStatement" == answers[0]["resource"]["resourceType"]


async def test_when_the_code_fails_on_one_entry_the_others_have_ended(
    fhir: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> Result:
        raise ZeroDivisionError

    assert isinstance(EXECUTE, dict)
    monkeypatch.setitem(EXECUTE, "history-system", fails)
    id_ = str(uuid4())
    body = bundle("batch", entry("GET", "_history"), entry("PUT", f"Patient/{id_}", patient(id=id_)))
    assert 500 == (await fhir.post("/", json=body)).status_code
    assert 200 == (await fhir.get(f"/Patient/{id_}")).status_code


@pytest.mark.parametrize("bad", [{"resource": patient()}, None, 7, {}, entry("BREW", "Patient"), {"request": {}}])
async def test_an_entry_that_cannot_be_understood_is_answered_alone(fhir: httpx2.AsyncClient, bad: Any) -> None:
    response = await fhir.post("/", json=bundle("batch", bad, entry("POST", "Patient", patient())))
    first, second = response.json()["entry"]
    assert ["400", "201"] == [one["response"]["status"][:3] for one in (first, second)]
    assert "Bundle.entry[0]" in str(first["response"]["outcome"])


@pytest.fixture
async def narrow(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server whose Bundles may not bring much."""
    app = build_app(replace(settings, max_bundle_answer_bytes=1_000))
    async with (
        app.framework.router.lifespan_context(app.framework),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test/fhir") as client,
    ):
        yield client


async def test_reads_that_bring_too_much_together_are_refused_and_writes_are_done(narrow: httpx2.AsyncClient) -> None:
    stored = (await narrow.post("/Patient", json=patient())).json()
    reads = [entry("GET", f"Patient?_id={stored['id']}")] * (2 * IN_FLIGHT)
    body = bundle("batch", *reads, entry("POST", "Patient", patient()))
    statuses = [one["response"]["status"] for one in (await narrow.post("/", json=body)).json()["entry"]]
    assert ("200 OK", "400 Bad Request", "201 Created") == (statuses[0], statuses[-2], statuses[-1])


async def test_a_transaction_whose_reads_bring_too_much_stores_nothing(narrow: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    stored = (await narrow.post("/Patient", json=patient())).json()
    writing = entry("POST", "Patient", patient(identifier=identified(value)))
    for url in (f"Patient/{stored['id']}", f"Patient?_id={stored['id']}"):
        response = await narrow.post("/", json=bundle("transaction", writing, *([entry("GET", url)] * 30)))
        assert (400, "too-costly") == (response.status_code, response.json()["issue"][0]["code"])
    found = await narrow.get("/Patient", params={"identifier": f"{SYSTEM}|{value}"})
    assert "entry" not in found.json()
