"""$validate: judges, and stores nothing."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.make import SYSTEM, bundle, entry, identified, observation, patient

pytestmark = pytest.mark.anyio

NARRATIVE = {"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}}


def wrapped(resource: Any = None, **values: str) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [{"name": name, "valueString": value} for name, value in values.items()]
    if resource is not None:
        parameters.append({"name": "resource", "resource": resource})
    return {"resourceType": "Parameters", "parameter": parameters}


def severities(response: httpx2.Response) -> list[str]:
    assert (200, "OperationOutcome") == (response.status_code, response.json()["resourceType"])
    return [issue["severity"] for issue in response.json()["issue"]]


async def stored(fhir: httpx2.AsyncClient, **elements: Any) -> dict[str, Any]:
    created: dict[str, Any] = (await fhir.post("/Patient", json=patient(**elements))).json()
    return created


@pytest.mark.parametrize("body", [patient(gender="male", **NARRATIVE), wrapped(patient(gender="male", **NARRATIVE))])
async def test_a_valid_resource_has_no_issue(fhir: httpx2.AsyncClient, body: Any) -> None:
    assert ["information"] == severities(await fhir.post("/Patient/$validate", json=body))


@pytest.mark.parametrize("body", [patient(gender="martian"), wrapped(patient(gender="martian"))])
async def test_what_is_wrong_is_answered_with_200_and_its_place(fhir: httpx2.AsyncClient, body: Any) -> None:
    response = await fhir.post("/Patient/$validate", json=body)
    assert "error" in severities(response)
    assert ["Patient.gender"] in [issue.get("expression") for issue in response.json()["issue"]]


async def test_nothing_is_stored(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    await fhir.post("/Patient/$validate", json=wrapped(patient(identifier=identified(value)), mode="create"))
    found = await fhir.get("/Patient", params={"identifier": f"{SYSTEM}|{value}"})
    assert 0 == found.json()["total"]


async def test_a_resource_of_another_type_is_an_error(fhir: httpx2.AsyncClient) -> None:
    assert ["error"] == severities(await fhir.post("/Patient/$validate", json=observation()))


async def test_a_parameters_resource_can_be_judged_itself(fhir: httpx2.AsyncClient) -> None:
    body = {"resourceType": "Parameters", "parameter": [{"name": "x", "valueString": "y"}]}
    assert ["information"] == severities(await fhir.post("/Parameters/$validate", json=body))
    body["parameter"] = [{"valueString": "y"}]
    assert ["error"] == severities(await fhir.post("/Parameters/$validate", json=body))


async def test_the_stored_resource_is_judged_where_none_is_passed(fhir: httpx2.AsyncClient) -> None:
    created = await stored(fhir, **NARRATIVE)
    assert ["information"] == severities(await fhir.get(f"/Patient/{created['id']}/$validate"))
    assert ["information"] == severities(await fhir.post(f"/Patient/{created['id']}/$validate"))


@pytest.mark.parametrize("mode", [{}, {"mode": "delete"}])
async def test_what_is_not_stored_cannot_be_judged(fhir: httpx2.AsyncClient, mode: dict[str, str]) -> None:
    assert 404 == (await fhir.get(f"/Patient/{uuid4()}/$validate", params=mode)).status_code


async def test_mode_delete_judges_no_resource_and_deletes_nothing(fhir: httpx2.AsyncClient) -> None:
    url = f"/Patient/{(await stored(fhir))['id']}"
    assert ["information"] == severities(
        await fhir.post(f"{url}/$validate", json=wrapped(patient(gender="martian"), mode="delete"))
    )
    assert 200 == (await fhir.get(url)).status_code


async def test_mode_update_wants_the_id_of_the_url(fhir: httpx2.AsyncClient) -> None:
    created = await stored(fhir)
    url = f"/Patient/{created['id']}/$validate"
    good, bad = (patient(id=id_, **NARRATIVE) for id_ in (created["id"], "other"))
    assert ["information"] == severities(await fhir.post(url, json=wrapped(good, mode="update")))
    assert ["error"] == severities(await fhir.post(url, json=wrapped(bad, mode="update")))


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/Patient/$validate", wrapped(), "resource"),
        ("/Patient/$validate", wrapped(patient(), mode="guess"), "mode"),
        ("/Patient/$validate", wrapped(patient(), mode="update"), "mode"),
        ("/Patient/$validate", wrapped(mode="delete"), "mode"),
        ("/Patient/1/$validate", wrapped(patient(), mode="create"), "mode"),
        ("/Patient/$validate", wrapped(patient(), mode="profile"), "profile"),
        ("/Patient/$validate", wrapped(patient(), colour="red"), "colour"),
    ],
)
async def test_a_bad_parameter_is_400_and_named(fhir: httpx2.AsyncClient, path: str, body: Any, name: str) -> None:
    response = await fhir.post(path, json=body)
    assert (400, [name]) == (response.status_code, response.json()["issue"][0]["expression"])


BASE = "http://hl7.org/fhir/StructureDefinition/"


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (f"{BASE}Patient", ["information"]),
        (f"{BASE}Patient|4.0.1", ["information"]),
        (f"{BASE}DomainResource", ["information"]),
        (f"{BASE}Observation", ["error"]),
        (f"{BASE}HumanName", ["warning"]),
        ("http://example.org/profile", ["warning"]),
    ],
)
async def test_a_profile_is_judged_or_said_to_be_unknown(
    fhir: httpx2.AsyncClient, profile: str, expected: list[str]
) -> None:
    sent = patient(**NARRATIVE)
    response = await fhir.post("/Patient/$validate", params={"profile": profile}, json=sent)
    assert expected == severities(response)


async def test_a_batch_can_validate(fhir: httpx2.AsyncClient) -> None:
    body = bundle("batch", entry("POST", "Patient/$validate", patient(gender="martian")))
    answer = (await fhir.post("/", json=body)).json()["entry"][0]
    assert ("200", "OperationOutcome") == (answer["response"]["status"][:3], answer["resource"]["resourceType"])
