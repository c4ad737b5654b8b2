"""capabilities: what the statement says, the server does."""

from typing import Any

import httpx2
import pytest

from fhir_server.interactions.addresses import TABLE
from fhir_server.interactions.run import EXECUTE
from fhir_server.kernel.call import Interaction

pytestmark = pytest.mark.anyio


async def statement(fhir: httpx2.AsyncClient, **params: str) -> dict[str, Any]:
    response = await fhir.get("/metadata", params=params)
    assert 200 == response.status_code
    content: dict[str, Any] = response.json()
    return content


async def test_it_is_a_valid_resource_of_r4(fhir: httpx2.AsyncClient) -> None:
    content = await statement(fhir)
    assert ("CapabilityStatement", "4.0.1") == (content["resourceType"], content["fhirVersion"])
    content.pop("id", None)
    assert 201 == (await fhir.post("/CapabilityStatement", json=content)).status_code


async def test_every_type_of_r4_has_all_interactions(fhir: httpx2.AsyncClient) -> None:
    types = (await statement(fhir))["rest"][0]["resource"]
    assert 146 == len(types)
    wanted = {"read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"}
    assert all(wanted == {one["code"] for one in type_["interaction"]} for type_ in types)


async def test_every_address_leads_to_something_that_executes(fhir: httpx2.AsyncClient) -> None:
    addressed: set[Interaction] = {interaction for methods in TABLE.values() for interaction in methods.values()}
    assert set() == addressed - EXECUTE.keys()


async def test_claimed_search_parameters_are_understood(fhir: httpx2.AsyncClient) -> None:
    resources = (await statement(fhir))["rest"][0]["resource"]
    patient = next(one for one in resources if one["type"] == "Patient")
    strict = {"Prefer": "handling=strict"}
    for parameter in patient["searchParam"]:
        response = await fhir.get("/Patient", params={f"{parameter['name']}:missing": "true"}, headers=strict)
        assert 200 == response.status_code or "missing" in response.text, parameter["name"]


async def test_the_base_url_is_that_of_the_request(fhir: httpx2.AsyncClient) -> None:
    assert "http://test/fhir" == (await statement(fhir))["implementation"]["url"]


async def test_modes(fhir: httpx2.AsyncClient) -> None:
    assert await statement(fhir) == await statement(fhir, mode="normative")
    assert 400 == (await fhir.get("/metadata", params={"mode": "terminology"})).status_code
    assert 400 == (await fhir.get("/metadata", params={"mode": "nonsense"})).status_code
