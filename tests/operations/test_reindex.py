"""$reindex, and the life of a search parameter that a user defines: defined, indexed, edited, taken back."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fhir_server.kernel.fhir_json import decode
from fhir_server.search.custom.definition import MOST_OF_A_TYPE
from tests.make import bundle as bundle_of
from tests.make import entry, observation, patient
from tests.operations.custom_parameters import defined, extended, found, parameter, reindexed, warnings

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "search-parameters.md"
STRICT = {"Prefer": "handling=strict"}


@pytest.fixture(autouse=True)
async def stored(fhir: httpx2.AsyncClient) -> None:
    """Two patients with nicknames, of which one has an Observation, from before anything is defined."""
    for id_, nickname in (("nick-a", "Müllerin"), ("nick-b", "Boss")):
        body = patient(id=id_, extension=extended("nickname", valueString=nickname))
        assert (await fhir.put(f"/Patient/{id_}", json=body)).is_success
    subject = {"reference": "Patient/nick-a"}
    assert (await fhir.put("/Observation/nick-o", json=observation(id="nick-o", subject=subject))).is_success


@pytest.fixture
async def nickname(fhir: httpx2.AsyncClient) -> AsyncIterator[str]:
    async with defined(fhir, "nickname") as reference:
        yield reference


async def test_before_it_is_done_a_search_finds_what_is_new_and_warns(fhir: httpx2.AsyncClient, nickname: str) -> None:
    new = await fhir.post("/Patient", json=patient(extension=extended("nickname", valueString="Bossy")))
    assert {f"Patient/{new.json()['id']}"} == await found(fhir, "Patient?nickname=boss")
    assert ["incomplete"] == await warnings(fhir, "Patient?nickname=boss")


@pytest.mark.parametrize(
    "query",
    [
        "Patient?nickname=boss",
        "Patient?nickname:missing=true",
        "Patient?nickname:exact=Boss",
        "Patient?_sort=nickname",
        "Patient?_filter=nickname eq boss",
        "Observation?subject:Patient.nickname=boss",
    ],
)
async def test_before_it_is_done_strict_handling_refuses_every_use(
    fhir: httpx2.AsyncClient, nickname: str, query: str
) -> None:
    assert ["incomplete"] == await warnings(fhir, query)
    refused = await fhir.get(f"/{query}", headers=STRICT)
    assert (400, "incomplete") == (refused.status_code, refused.json()["issue"][0]["code"])


async def test_before_it_is_done_no_condition_may_rest_on_it(fhir: httpx2.AsyncClient, nickname: str) -> None:
    create = await fhir.post("/Patient", json=patient(), headers={"If-None-Exist": "nickname=boss"})
    update = await fhir.put("/Patient?nickname=boss", json=patient())
    delete = await fhir.delete("/Patient?nickname=boss")
    step = entry("POST", "Patient", patient(), ifNoneExist="nickname=boss")
    transaction = await fhir.post("", json=bundle_of("transaction", step))
    assert [412] * 4 == [one.status_code for one in (create, update, delete, transaction)]


async def test_afterwards_it_works_like_a_parameter_of_r4(fhir: httpx2.AsyncClient, nickname: str) -> None:
    await reindexed(fhir)
    assert [] == await warnings(fhir, "Patient?nickname=boss")
    assert {"Patient/nick-b"} == await found(fhir, "Patient?nickname=boss&_id=nick-a,nick-b")
    assert {"Patient/nick-a"} == await found(fhir, "Patient?nickname=mull&_id=nick-a,nick-b")
    assert set() == await found(fhir, "Patient?nickname:exact=boss&_id=nick-b")
    assert {"Patient/nick-b"} == await found(fhir, "Patient?nickname:contains=oss&_id=nick-b")
    assert set() == await found(fhir, "Patient?nickname:missing=true&_id=nick-a,nick-b")
    assert {"Observation/nick-o"} == await found(fhir, "Observation?patient.nickname=mullerin")
    assert {"Patient/nick-b"} == await found(fhir, "Patient?_filter=nickname eq boss and _id eq nick-b")
    entries = (await fhir.get("/Patient?_id=nick-a,nick-b&_sort=nickname")).json()["entry"]
    assert ["nick-b", "nick-a"] == [one["resource"]["id"] for one in entries]
    once = await fhir.post("/Patient", json=patient(), headers={"If-None-Exist": "nickname=boss&_id=nick-b"})
    assert (200, "nick-b") == (once.status_code, once.json()["id"])


async def test_only_the_parameters_of_one_resource_are_indexed_when_it_is_called(
    fhir: httpx2.AsyncClient, nickname: str
) -> None:
    async with defined(fhir, "colour", base=["Location"], expression="Location.extension('urn:x').value"):
        result = await reindexed(fhir, f"/{nickname}")
        assert result["parameter"][0]["valueInteger"] > 0
        assert [] == await warnings(fhir, "Patient?nickname=a")
        assert ["incomplete"] == await warnings(fhir, "Location?colour=a")


async def test_it_appears_in_the_capability_statement_and_goes_with_its_resource(fhir: httpx2.AsyncClient) -> None:
    async def claimed() -> list[dict[str, Any]]:
        (rest,) = (await fhir.get("/metadata")).json()["rest"]
        (of_patient,) = (one for one in rest["resource"] if one["type"] == "Patient")
        return [one for one in of_patient["searchParam"] if one["name"] == "nickname"]

    assert [] == await claimed()
    async with defined(fhir, "nickname"):
        definition = {"name": "nickname", "definition": "urn:test:parameter:nickname", "type": "string"}
        assert [definition] == await claimed()
    assert [] == await claimed()
    assert ["not-supported"] == await warnings(fhir, "Patient?nickname=a")


async def test_a_retired_one_is_unknown_and_begins_anew_when_it_is_active_again(
    fhir: httpx2.AsyncClient, nickname: str
) -> None:
    await reindexed(fhir)
    active = (await fhir.get(f"/{nickname}")).json()
    await fhir.put(f"/{nickname}", json={**active, "status": "retired"})
    assert 400 == (await fhir.get("/Patient?nickname=a", headers=STRICT)).status_code
    await fhir.put("/Patient/nick-b", json=patient(id="nick-b", extension=extended("nickname", valueString="Chief")))
    await fhir.put(f"/{nickname}", json=active)
    assert ["incomplete"] == await warnings(fhir, "Patient?nickname=boss")
    await reindexed(fhir)
    assert set() == await found(fhir, "Patient?nickname=boss&_id=nick-b")
    assert {"Patient/nick-b"} == await found(fhir, "Patient?nickname=chief&_id=nick-b")


async def test_an_edited_one_never_mixes_with_its_old_values(fhir: httpx2.AsyncClient, nickname: str) -> None:
    await reindexed(fhir)
    edited = parameter("nickname", id=nickname.partition("/")[2], expression="Patient.birthDate", type="date")
    assert (await fhir.put(f"/{nickname}", json=edited)).is_success
    assert ["incomplete"] == await warnings(fhir, "Patient?nickname=2020")
    await fhir.put("/Patient/nick-b", json=patient(id="nick-b", birthDate="2020-01-01"))
    assert {"Patient/nick-b"} == await found(fhir, "Patient?nickname=2020&_id=nick-a,nick-b")
    await reindexed(fhir)
    assert {"Patient/nick-b"} == await found(fhir, "Patient?nickname:missing=false&_id=nick-a,nick-b")


async def test_an_edit_that_changes_no_value_keeps_it_complete(fhir: httpx2.AsyncClient, nickname: str) -> None:
    await reindexed(fhir)
    text = {**(await fhir.get(f"/{nickname}")).json(), "description": "told better"}
    assert (await fhir.put(f"/{nickname}", json=text)).is_success
    assert [] == await warnings(fhir, "Patient?nickname=boss")


async def test_a_composite_is_found_in_one_element(fhir: httpx2.AsyncClient) -> None:
    telecom = {"type": "token", "expression": "Patient.telecom.system"}
    parts = [
        {"definition": "urn:test:parameter:telecom-system", "expression": "system"},
        {"definition": "http://hl7.org/fhir/SearchParameter/individual-telecom", "expression": "$this"},
    ]
    both = {"type": "composite", "expression": "Patient.telecom", "component": parts}
    contacts = [{"system": "phone", "value": "1"}, {"system": "email", "value": "a@x"}]
    await fhir.put("/Patient/nick-a", json=patient(id="nick-a", telecom=contacts))
    async with defined(fhir, "telecom-system", **telecom), defined(fhir, "telecom-pair", **both):
        await reindexed(fhir)
        assert {"Patient/nick-a"} == await found(fhir, "Patient?telecom-pair=phone$1&_id=nick-a")
        assert set() == await found(fhir, "Patient?telecom-pair=phone$a@x&_id=nick-a")


async def test_references_can_be_included_and_followed(fhir: httpx2.AsyncClient) -> None:
    body = patient(id="nick-b", extension=extended("friend", valueReference={"reference": "Patient/nick-a"}))
    await fhir.put("/Patient/nick-b", json=body)
    elements = {"type": "reference", "target": ["Patient"], "expression": "Patient.extension.value.ofType(Reference)"}
    async with defined(fhir, "friend", **elements):
        assert {"Patient/nick-a", "Patient/nick-b"} == await found(fhir, "Patient?_id=nick-b&_include=Patient:friend")
        assert ["incomplete"] == await warnings(fhir, "Patient?_id=nick-a&_revinclude=Patient:friend")
        await reindexed(fhir)
        both = {"Patient/nick-a", "Patient/nick-b"}
        assert both == await found(fhir, "Patient?_id=nick-a&_revinclude=Patient:friend")
        assert {"Patient/nick-b"} == await found(fhir, "Patient?friend=Patient/nick-a&_id=nick-a,nick-b")
        assert {"Patient/nick-a"} == await found(fhir, "Patient?_has:Patient:friend:_id=nick-b")


async def test_all_of_a_type_can_be_indexed_anew_whatever_it_follows(fhir: httpx2.AsyncClient) -> None:
    everything = await reindexed(fhir, type="Observation")
    assert everything["parameter"][0]["valueInteger"] > 0
    assert {"Observation/nick-o"} == await found(fhir, "Observation?subject=Patient/nick-a&_id=nick-o")
    unknown = await fhir.post("/$reindex", params={"type": "Unicorn"})
    assert (400, ["type"]) == (unknown.status_code, unknown.json()["issue"][0]["expression"])


async def test_a_parameter_on_every_type_is_indexed_on_every_type(fhir: httpx2.AsyncClient) -> None:
    elements = {"base": ["Resource"], "type": "token", "expression": "Resource.meta.tag.userSelected"}
    tagged = observation(id="nick-o", meta={"tag": [{"system": "urn:t", "code": "a", "userSelected": True}]})
    await fhir.put("/Observation/nick-o", json=tagged)
    async with defined(fhir, "picked", **elements):
        assert ["incomplete"] == await warnings(fhir, "Observation?picked=true")
        await reindexed(fhir)
        assert [] == await warnings(fhir, "Observation?picked=true") == await warnings(fhir, "Slot?picked=true")
        assert "Observation/nick-o" in await found(fhir, "Observation?picked=true")


async def test_what_is_not_in_force_cannot_be_indexed(fhir: httpx2.AsyncClient) -> None:
    async with defined(fhir, "nickname", status="draft") as reference:
        refused = await fhir.post(f"/{reference}/$reindex")
        assert (422, "business-rule") == (refused.status_code, refused.json()["issue"][0]["code"])
    assert 404 == (await fhir.post("/SearchParameter/unknown/$reindex")).status_code


async def test_a_job_that_is_not_known_is_not_found(fhir: httpx2.AsyncClient) -> None:
    assert 404 == (await fhir.get("/$reindex-status", params={"job": "unknown"})).status_code
    assert 400 == (await fhir.get("/$reindex-status")).status_code
    assert 405 == (await fhir.get("/$reindex")).status_code


async def test_a_delete_cancels_a_job_and_nothing_else(fhir: httpx2.AsyncClient) -> None:
    unknown = await fhir.delete("/$reindex-status", params={"job": "unknown"})
    assert (404, "there is no job unknown") == (unknown.status_code, unknown.json()["issue"][0]["diagnostics"])
    for operation, allowed in (("$reindex", "POST"), ("$meta", "GET, HEAD, POST")):
        refused = await fhir.delete(f"/{operation}")
        assert (405, allowed) == (refused.status_code, refused.headers["allow"])


async def test_the_documented_examples_can_be_used(fhir: httpx2.AsyncClient) -> None:
    examples = [decode(text.encode()) for text in re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)]
    assert ["nickname", "method-value"] == [example["code"] for example in examples]
    measured = {"method": {"coding": [{"code": "M1"}]}, "valueQuantity": {"value": 6}}
    for example in examples:
        async with defined(fhir, example["code"], **{k: v for k, v in example.items() if k != "code"}):
            await fhir.put("/Observation/nick-o", json=observation(id="nick-o", **measured))
            await reindexed(fhir)
            if example["type"] == "composite":
                assert {"Observation/nick-o"} == await found(fhir, "Observation?method-value=M1$gt5&_id=nick-o")
                assert set() == await found(fhir, "Observation?method-value=M1$gt7&_id=nick-o")


async def test_what_cannot_be_used_is_refused_and_its_place_is_told(fhir: httpx2.AsyncClient) -> None:
    bad = parameter("nickname", expression="Patient.nickname")
    alone = await fhir.post("/SearchParameter", json=bad)
    assert (422, ["SearchParameter.expression"]) == (alone.status_code, alone.json()["issue"][0]["expression"])
    together = await fhir.post("", json=bundle_of("transaction", entry("POST", "SearchParameter", bad)))
    assert ["Bundle.entry[0].resource.expression"] == together.json()["issue"][0]["expression"]
    judged = await fhir.post("/SearchParameter/$validate", json=bad)
    assert (200, "error") == (judged.status_code, judged.json()["issue"][0]["severity"])
    kept = await fhir.post("/SearchParameter", json={**bad, "status": "draft"})
    assert 201 == kept.status_code


@pytest.fixture
async def as_many_as_a_type_may_have(fhir: httpx2.AsyncClient) -> AsyncIterator[str]:
    """The reference of the last one of as many parameters of Flag as there may be."""
    some = [{**parameter(f"many{number}", base=["Flag"]), "id": f"many{number}"} for number in range(MOST_OF_A_TYPE)]
    for one in some:
        one["expression"] = one["expression"].replace("Patient", "Flag")
    steps = [entry("PUT", f"SearchParameter/{one['id']}", one) for one in some]
    assert 200 == (await fhir.post("", json=bundle_of("transaction", *steps))).status_code
    yield f"SearchParameter/{some[-1]['id']}"
    gone = [entry("DELETE", f"SearchParameter/{one['id']}") for one in some]
    assert 200 == (await fhir.post("", json=bundle_of("transaction", *gone))).status_code


async def test_one_more_than_a_type_may_have_is_refused_until_another_goes(
    fhir: httpx2.AsyncClient, as_many_as_a_type_may_have: str
) -> None:
    last = as_many_as_a_type_may_have
    one_more = parameter("one-more", base=["Patient", "Flag"], expression="Patient.language | Flag.language")
    for url in ("/SearchParameter", "/SearchParameter/$validate"):
        (issue,) = (await fhir.post(url, json=one_more)).json()["issue"]
        assert ("error", "too-costly", ["SearchParameter.base"]) == (
            issue["severity"],
            issue["code"],
            issue["expression"],
        )
        assert f"Flag has {MOST_OF_A_TYPE} search parameters" in issue["diagnostics"]
    assert [] == (await fhir.get(f"/SearchParameter?url={one_more['url']}")).json().get("entry", [])
    stored = (await fhir.get(f"/{last}")).json()
    assert 200 == (await fhir.put(f"/{last}", json={**stored, "name": "Other"})).status_code
    flag = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/nick-a"},
        "extension": [one for n in range(MOST_OF_A_TYPE) for one in extended(f"many{n}", valueString=f"v{n}")],
    }
    made = (await fhir.post("/Flag", json=flag)).json()
    assert {f"Flag/{made['id']}"} == await found(fhir, f"Flag?many{MOST_OF_A_TYPE - 1}=v{MOST_OF_A_TYPE - 1}")
    assert 204 == (await fhir.delete(f"/{last}")).status_code
    async with defined(fhir, "one-more", **{k: v for k, v in one_more.items() if k in ("base", "expression")}):
        assert ["incomplete"] == await warnings(fhir, "Flag?one-more=x")
