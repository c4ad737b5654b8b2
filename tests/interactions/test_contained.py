"""Searches for contained resources: which containers are found, and what is handed out of them."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.make import observation, patient

pytestmark = pytest.mark.anyio

SYSTEM = "urn:test:medications"


def medication(code: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Medication", "code": {"coding": [{"system": SYSTEM, "code": code}]}, **elements}


def order(*contained: dict[str, Any], subject: str = "Patient/x", **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "contained": list(contained),
        "medicationReference": {"reference": f"#{contained[0]['id']}"},
        "supportingInformation": [{"reference": f"#{one['id']}"} for one in contained[1:]] or [{"display": "none"}],
        "subject": {"reference": subject},
        **elements,
    }


async def stored(fhir: httpx2.AsyncClient, resource: dict[str, Any]) -> str:
    response = await fhir.post(f"/{resource['resourceType']}", json=resource)
    assert 201 == response.status_code, response.text
    return f"{resource['resourceType']}/{response.json()['id']}"


async def search(fhir: httpx2.AsyncClient, url: str, **params: str) -> dict[str, Any]:
    response = await fhir.get(url, params=params, headers={"Prefer": "handling=strict"})
    assert 200 == response.status_code, response.text
    bundle: dict[str, Any] = response.json()
    return bundle


def urls(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    entries = [entry for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]
    return sorted(entry["fullUrl"].removeprefix("http://test/fhir/") for entry in entries)


async def found(fhir: httpx2.AsyncClient, code: str, **params: str) -> list[str]:
    return urls(await search(fhir, "/Medication", code=f"{SYSTEM}|{code}", **params))


async def test_the_container_is_found_only_where_contained_resources_are_asked_for(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    container = await stored(fhir, order(medication(code, id="m1")))
    alone = await stored(fhir, medication(code))
    assert [alone] == await found(fhir, code)
    assert [alone] == await found(fhir, code, _contained="false")
    assert [container] == await found(fhir, code, _contained="true")
    assert sorted([container, alone]) == await found(fhir, code, _contained="both")
    assert [container] == await found(fhir, code, _contained="true", _containedType="container")


async def test_the_contained_resource_itself_has_the_address_of_both(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    wanted, other = medication(code, id="m1"), medication(str(uuid4()), id="m2")
    container = await stored(fhir, order(wanted, other))
    bundle = await search(fhir, "/Medication", code=code, _contained="true", _containedType="contained")
    assert ([f"{container}#m1"], 1) == (urls(bundle), bundle["total"])
    assert wanted == bundle["entry"][0]["resource"]


async def test_all_that_match_in_one_container_are_handed_out_and_counted(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    first = await stored(fhir, order(medication(code, id="m1"), medication(code, id="m2")))
    second = await stored(fhir, order(medication(code, id="m1")))
    alone = await stored(fhir, medication(code))
    asked = {"code": code, "_containedType": "contained", "_total": "accurate"}
    expected = sorted([f"{first}#m1", f"{first}#m2", f"{second}#m1"])
    bundle = await search(fhir, "/Medication", **asked, _contained="true")
    assert (expected, 3) == (urls(bundle), bundle["total"])
    both = await search(fhir, "/Medication", **asked, _contained="both", _count="1")
    assert (4, 4) == (both["total"], (await search(fhir, "/Medication", **asked, _contained="both"))["total"])
    assert sorted([*expected, alone]) == urls(await search(fhir, "/Medication", **asked, _contained="both"))
    counted = await search(fhir, "/Medication", **asked, _contained="true", _summary="count")
    assert (3, []) == (counted["total"], urls(counted))


async def test_pages_of_contained_resources_hold_each_once(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    containers = [await stored(fhir, order(medication(code, id="m1"))) for _ in range(5)]
    expected = sorted(f"{container}#m1" for container in containers)
    seen: list[str] = []
    url: str | None = f"/Medication?code={code}&_contained=true&_containedType=contained&_count=2"
    while url is not None:
        bundle = (await fhir.get(url)).json()
        seen += urls(bundle)
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    assert expected == sorted(seen)


async def test_all_criteria_must_hold_for_one_and_the_same_contained_resource(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    mixed = order(medication(code, id="m1", status="active"), medication("other", id="m2", status="inactive"))
    container = await stored(fhir, mixed)
    assert [container] == await found(fhir, code, _contained="true", status="active")
    assert [] == await found(fhir, code, _contained="true", status="inactive")


async def test_modifiers_and_chains_work_inside(fhir: httpx2.AsyncClient) -> None:
    name, family = str(uuid4()), f"f{uuid4().hex}"
    person = await stored(fhir, patient(name=[{"family": family}]))
    inner = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": name}}
    container = await stored(
        fhir, observation(contained=[{**inner, "subject": {"reference": person}}], hasMember=[{"reference": "#o1"}])
    )
    asked = {"_contained": "true", "code:text": name}
    assert [container] == urls(await search(fhir, "/Observation", **asked, **{"subject:Patient.family": family}))
    assert [] == urls(await search(fhir, "/Observation", **asked, **{"subject:Patient.family": "nobody"}))
    assert [container] == urls(await search(fhir, "/Observation", **asked, **{"date:missing": "true"}))
    assert [] == urls(await search(fhir, "/Observation", **asked, **{"date:missing": "false"}))
    assert [] == urls(await search(fhir, "/Observation", **asked, **{"status:not": "final"}))
    assert [container] == urls(await search(fhir, "/Observation", **asked, _id="o1"))


async def test_updates_and_deletes_of_the_container_are_followed(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    container = await stored(fhir, order(medication(code, id="m1")))
    id_ = container.rpartition("/")[2]
    changed = await fhir.put(f"/{container}", json={**order(medication("other", id="m1")), "id": id_})
    assert (200, []) == (changed.status_code, await found(fhir, code, _contained="true"))
    await fhir.put(f"/{container}", json={**order(medication(code, id="m1")), "id": id_})
    assert [container] == await found(fhir, code, _contained="true")
    await fhir.delete(f"/{container}")
    assert [] == await found(fhir, code, _contained="true")


async def test_a_compartment_is_that_of_the_container(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    person, other = await stored(fhir, patient()), await stored(fhir, patient())
    inner = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"coding": [{"code": code}]}}
    container = await stored(
        fhir, observation(contained=[inner], hasMember=[{"reference": "#o1"}], subject={"reference": person})
    )
    assert [container] == urls(await search(fhir, f"/{person}/Observation", code=code, _contained="true"))
    assert [] == urls(await search(fhir, f"/{other}/Observation", code=code, _contained="true"))


async def test_what_comes_with_the_containers_is_included(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    person = await stored(fhir, patient())
    await stored(fhir, order(medication(code, id="m1"), subject=person))
    bundle = await search(fhir, "/Medication", code=code, _contained="true", _include="MedicationRequest:patient")
    assert [person] == urls(bundle, "include")


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"_contained": "yes"}, "_contained"),
        ({"_contained": "true", "_containedType": "x"}, "_containedType"),
        ({"_contained": "true", "_sort": "status"}, "_sort"),
    ],
)
async def test_what_cannot_be_is_refused_and_named(fhir: httpx2.AsyncClient, params: dict[str, str], name: str) -> None:
    response = await fhir.get("/Medication", params=params)
    assert 400 == response.status_code
    assert name in response.json()["issue"][0]["diagnostics"]


async def test_containers_are_sorted_by_what_all_have(fhir: httpx2.AsyncClient) -> None:
    code = str(uuid4())
    first = await stored(fhir, order(medication(code, id="m1")))
    second = await stored(fhir, order(medication(code, id="m1")))
    for sort, expected in (("_lastUpdated", [first, second]), ("-_lastUpdated", [second, first])):
        bundle = await search(fhir, "/Medication", code=code, _contained="true", _sort=sort)
        assert expected == [entry["fullUrl"].removeprefix("http://test/fhir/") for entry in bundle["entry"]]
