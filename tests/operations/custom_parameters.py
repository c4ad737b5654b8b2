"""Search parameters of users for tests: defined, indexed, and taken back at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from fhir_server.kernel.types import Resource

EXTENSION = "urn:test:extension:"
_PATIENCE_S = 60


def parameter(code: str, /, **elements: Any) -> Resource:
    """Return a SearchParameter on an extension of Patient whose value is a string."""
    return {
        "resourceType": "SearchParameter",
        "url": f"urn:test:parameter:{code}",
        "name": code.replace("-", ""),
        "status": "active",
        "description": "made by a test",
        "code": code,
        "base": ["Patient"],
        "type": "string",
        "expression": f"Patient.extension('{EXTENSION}{code}').value.ofType(string)",
        **elements,
    }


def extended(code: str, /, **value: Any) -> list[Resource]:
    """Return the extension of a resource that such a parameter finds."""
    return [{"url": EXTENSION + code, **value}]


@asynccontextmanager
async def defined(fhir: httpx2.AsyncClient, code: str, **elements: Any) -> AsyncIterator[str]:
    """Yield the reference of a new SearchParameter that is deleted at the end."""
    response = await fhir.post("/SearchParameter", json=parameter(code, **elements))
    assert 201 == response.status_code, response.text
    reference = f"SearchParameter/{response.json()['id']}"
    try:
        yield reference
    finally:
        await fhir.delete(f"/{reference}")


async def reindexed(fhir: httpx2.AsyncClient, where: str = "", **params: str) -> Resource:
    """Index anew and return what the job says at its end."""
    started = await fhir.post(f"{where}/$reindex", params=params)
    assert 202 == started.status_code, started.text
    async with asyncio.timeout(_PATIENCE_S):
        while (told := await fhir.get(started.headers["content-location"])).status_code == 202:
            assert "%" in told.headers["x-progress"] or "waits" in told.headers["x-progress"]
            await asyncio.sleep(0.1)
    assert 200 == told.status_code, told.text
    result: Resource = told.json()
    return result


async def found(fhir: httpx2.AsyncClient, query: str) -> set[str]:
    """Return the references that a search finds, everything that belongs to the hits included."""
    response = await fhir.get(f"/{query}")
    assert 200 == response.status_code, response.text
    resources = [entry["resource"] for entry in response.json().get("entry", [])]
    return {f"{one['resourceType']}/{one['id']}" for one in resources if one["resourceType"] != "OperationOutcome"}


async def warnings(fhir: httpx2.AsyncClient, query: str) -> list[str]:
    """Return the codes of the issues that a search tells."""
    entries = (await fhir.get(f"/{query}")).json().get("entry", [])
    outcomes = [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == "OperationOutcome"]
    return [issue["code"] for outcome in outcomes for issue in outcome["issue"]]
