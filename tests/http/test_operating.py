"""Health, figures, request ids, logs and CORS: what those who run the server see."""

import io
import json
import logging
from collections.abc import Iterator

import httpx2
import pytest

from fhir_server.http.log import LOGGER, JsonFormatter
from fhir_server.interactions import read
from tests.make import identified, observation, patient

pytestmark = pytest.mark.anyio

ROOT = "http://test"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All records of the server during a test, as they are written in operation."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonFormatter())
    level = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel("DEBUG")
    yield text
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(level)


async def test_a_running_server_is_live_and_ready(fhir: httpx2.AsyncClient) -> None:
    for path in ("live", "ready"):
        assert 200 == (await fhir.get(f"{ROOT}/health/{path}")).status_code


async def test_what_is_outside_of_the_base_path_is_told_as_fhir_tells_it(fhir: httpx2.AsyncClient) -> None:
    missing = await fhir.get(f"{ROOT}/")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/fhir+json")
    assert "below /fhir" in missing.json()["issue"][0]["diagnostics"]
    wrong = await fhir.post(f"{ROOT}/health/live")
    assert (wrong.status_code, wrong.json()["resourceType"]) == (405, "OperationOutcome")
    assert sorted(wrong.headers["allow"].split(", ")) == ["GET", "HEAD"]


@pytest.mark.parametrize("host", ["example.org", "my_server:8080", "[::1]:80", "10.0.0.1"])
async def test_links_begin_with_the_host_that_the_client_names(fhir: httpx2.AsyncClient, host: str) -> None:
    answer = await fhir.get("/Patient", headers={"Host": host})
    assert answer.json()["link"][0]["url"] == f"http://{host}/fhir/Patient"


@pytest.mark.parametrize("host", ['a"b<c>', "a b", "a/b", "a:b", "\xff", ""])
async def test_host_that_no_url_can_have_is_400(fhir: httpx2.AsyncClient, host: str) -> None:
    answer = await fhir.get("/Patient", headers={b"Host": host.encode("latin-1")})
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "value")


async def test_metrics_count_interactions_and_batches(fhir: httpx2.AsyncClient) -> None:
    await fhir.post("/Patient", json=patient())
    await fhir.get("/Patient/never-was")
    text = (await fhir.get(f"{ROOT}/metrics")).text
    assert 'fhir_requests_total{interaction="create",status="201"}' in text
    assert 'fhir_requests_total{interaction="read",status="404"}' in text
    assert 'fhir_request_seconds_bucket{interaction="create"' in text
    assert "fhir_batch_size_bucket{kind=" in text
    assert "fhir_mongo_connections" in text


async def test_a_request_id_is_kept_or_made(fhir: httpx2.AsyncClient) -> None:
    given = await fhir.get("/metadata", headers={"X-Request-Id": "abc-1"})
    made = [await fhir.get("/metadata", headers={"X-Request-Id": "<script>"}) for _ in range(2)]
    assert "abc-1" == given.headers["x-request-id"]
    assert 2 == len({answer.headers["x-request-id"] for answer in made} - {"<script>"})


async def test_each_request_is_one_json_record(fhir: httpx2.AsyncClient, log: io.StringIO) -> None:
    await fhir.get("/Patient/x", headers={"X-Request-Id": "abc-2"})
    records = [json.loads(line) for line in log.getvalue().splitlines()]
    mine = [record for record in records if record.get("request_id") == "abc-2"]
    assert [("request", "read", 404)] == [(one["event"], one["interaction"], one["status"]) for one in mine]


async def test_no_patient_data_reaches_the_log(fhir: httpx2.AsyncClient, log: io.StringIO) -> None:
    canary = "Canary7316"
    person = patient(name=[{"family": canary}], identifier=identified(canary), birthDate="1931-07-16")
    created = (await fhir.post("/Patient", json=person)).json()
    await fhir.put(f"/Patient/{created['id']}", json={**created, "gender": canary})
    await fhir.post("/Observation", json=observation(valueString=canary, note=[{"text": canary}]))
    await fhir.post("/Patient", content=f'{{"resourceType":"Patient","{canary}":')
    await fhir.get("/Patient", params={"name": canary, "birthdate": f"xx{canary}", canary: "1"})
    await fhir.post("/Patient", json=person, headers={"If-None-Exist": f"name={canary}&{canary}=1"})
    await fhir.get(f"/{canary}/1")
    await fhir.get(f"/Patient/{canary}_/x")
    assert log.getvalue().count("\n") > 7
    assert canary not in log.getvalue()
    assert "1931-07-16" not in log.getvalue()


async def test_a_failure_of_the_code_is_a_500_outcome_without_internals(
    fhir: httpx2.AsyncClient, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("Canary7316")

    monkeypatch.setattr(read, "existing", broken)
    response = await fhir.get("/Patient/x", headers={"X-Request-Id": "abc-3"})
    assert 500 == response.status_code
    assert "abc-3" in response.json()["issue"][0]["diagnostics"]
    assert "Canary7316" not in response.text + log.getvalue()
    failed = next(record for line in log.getvalue().splitlines() if (record := json.loads(line))["event"] == "failed")
    assert "KeyError" == failed["trace"][-1]


async def test_browsers_of_other_origins_may_call(fhir: httpx2.AsyncClient) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
    assert 200 == (await fhir.options("/Patient/1", headers=headers)).status_code
    response = await fhir.get("/metadata", headers={"Origin": "https://app.example"})
    assert "*" == response.headers["access-control-allow-origin"]
