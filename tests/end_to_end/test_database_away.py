"""MongoDB goes away and comes back: 503 with Retry-After in between, and nobody has to restart the server."""

from pathlib import Path

import httpx2
import pytest

from fhir_server.kernel.settings import Settings
from fhir_server.storage.embedded import Mongod
from fhir_server.wiring import build_app
from tests.make import bundle, entry, patient

pytestmark = pytest.mark.anyio


async def test_the_server_answers_503_while_mongodb_is_away_and_recovers_by_itself(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", log_level="error")
    mongod = await Mongod.start(settings)
    app = build_app(Settings(mongo=mongod.uri, log_level="error", query_time_limit_ms=2_000))
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.framework.router.lifespan_context(app.framework),
        httpx2.AsyncClient(transport=transport, base_url="http://test/fhir", timeout=60) as fhir,
    ):
        url = f"/Patient/{(await fhir.post('/Patient', json=patient())).json()['id']}"
        await mongod.stop()
        for response in (
            await fhir.get(url),
            await fhir.post("/Patient", json=patient()),
            await fhir.post("/", json=bundle("transaction", entry("POST", "Patient", patient()))),
            await fhir.get("/Patient/_history"),
        ):
            assert 503 == response.status_code
            assert int(response.headers["retry-after"]) > 0
            assert "OperationOutcome" == response.json()["resourceType"]
        assert 503 == (await fhir.get("http://test/health/ready")).status_code
        assert 200 == (await fhir.get("http://test/health/live")).status_code
        mongod = await Mongod.start(settings)
        try:
            assert 200 == (await fhir.get(url)).status_code
            assert 201 == (await fhir.post("/Patient", json=patient())).status_code
        finally:
            await mongod.stop()
