"""transaction: all or nothing, names resolved, answers in the order of the entries."""

import asyncio
import base64
import json
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.make import SYSTEM, bundle, entry, identified, observation, patient

pytestmark = pytest.mark.anyio


def urn() -> str:
    return f"urn:uuid:{uuid4()}"


async def transact(fhir: httpx2.AsyncClient, *entries: dict[str, Any]) -> httpx2.Response:
    return await fhir.post("/", json=bundle("transaction", *entries))


async def located(fhir: httpx2.AsyncClient, response: httpx2.Response, index: int) -> Any:
    return (await fhir.get(response.json()["entry"][index]["response"]["location"])).json()


async def patients_with(fhir: httpx2.AsyncClient, value: str) -> list[Any]:
    found = (await fhir.get("/Patient", params={"identifier": f"{SYSTEM}|{value}"})).json()
    return [one["resource"] for one in found.get("entry", []) if one["search"]["mode"] == "match"]


async def test_the_answer_mirrors_the_entries(fhir: httpx2.AsyncClient) -> None:
    id_ = str(uuid4())
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(), urn()),
        entry("PUT", f"Patient/{id_}", patient(id=id_)),
        entry("DELETE", f"Patient/{uuid4()}"),
    )
    answer = response.json()
    assert (200, "transaction-response") == (response.status_code, answer["type"])
    assert ["201", "201", "204"] == [one["response"]["status"][:3] for one in answer["entry"]]
    first = answer["entry"][0]["response"]
    assert 'W/"1"' == first["etag"]
    assert first["lastModified"]
    assert "resource" not in answer["entry"][0]


async def test_prefer_representation_puts_the_resources_into_the_answer(fhir: httpx2.AsyncClient) -> None:
    body = bundle("transaction", entry("POST", "Patient", patient(gender="male")))
    answer = (await fhir.post("/", json=body, headers={"Prefer": "return=representation"})).json()
    assert "male" == answer["entry"][0]["resource"]["gender"]


async def test_links_to_other_entries_are_rewritten_wherever_they_may_stand(fhir: httpx2.AsyncClient) -> None:
    who, what = urn(), urn()
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{who}">p</a></div>',
        },
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": who}],
        "extension": [{"url": "http://example.org/x", "valueReference": {"reference": who}}],
        "subject": {"reference": who},
        "content": [{"attachment": {"contentType": "text/plain", "url": what}}],
    }
    response = await transact(
        fhir,
        entry("POST", "DocumentReference", document, urn()),
        entry("POST", "Patient", patient(), who),
        entry("POST", "Binary", {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}, what),
    )
    stored = await located(fhir, response, 0)
    new = f"Patient/{(await located(fhir, response, 1))['id']}"
    binary = response.json()["entry"][2]["response"]["location"].split("/fhir/")[1].split("/_history")[0]
    assert (new, new) == (stored["subject"]["reference"], stored["extension"][0]["valueReference"]["reference"])
    assert binary == stored["content"][0]["attachment"]["url"]
    assert f'href="{new}"' in stored["text"]["div"]
    assert who == stored["identifier"][0]["value"], "an identifier's value is text, not a link"


async def test_relative_references_follow_the_full_url_of_their_entry(fhir: httpx2.AsyncClient) -> None:
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(), "http://old.example/fhir/Patient/7"),
        entry(
            "POST",
            "Observation",
            observation(subject={"reference": "Patient/7"}),
            "http://old.example/fhir/Observation/8",
        ),
    )
    who = (await located(fhir, response, 0))["id"]
    assert f"Patient/{who}" == (await located(fhir, response, 1))["subject"]["reference"]


async def test_conditional_references_become_what_they_match(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    who = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()["id"]
    sent = observation(subject={"reference": f"Patient?identifier={SYSTEM}|{value}"})
    response = await transact(fhir, entry("POST", "Observation", sent))
    assert f"Patient/{who}" == (await located(fhir, response, 0))["subject"]["reference"]


@pytest.mark.parametrize("matches", [0, 2])
async def test_a_conditional_reference_without_one_match_fails_the_transaction(
    fhir: httpx2.AsyncClient, matches: int
) -> None:
    value, other = str(uuid4()), str(uuid4())
    for _ in range(matches):
        await fhir.post("/Patient", json=patient(identifier=identified(value)))
    sent = observation(subject={"reference": f"Patient?identifier={SYSTEM}|{value}"})
    response = await transact(
        fhir, entry("POST", "Patient", patient(identifier=identified(other))), entry("POST", "Observation", sent)
    )
    assert 412 == response.status_code
    assert ["Bundle.entry[1].resource"] == response.json()["issue"][0]["expression"]
    assert [] == await patients_with(fhir, other)


async def test_one_invalid_entry_rejects_all_and_its_place_is_named(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(identifier=identified(value))),
        entry("POST", "Observation", observation(status="nonsense")),
        entry("POST", "Patient", patient(gender="martian")),
    )
    places = [issue["expression"][0] for issue in response.json()["issue"]]
    assert 400 == response.status_code
    assert ["Bundle.entry[1].resource.status", "Bundle.entry[2].resource.gender"] == places
    assert [] == await patients_with(fhir, value)


async def test_a_stale_if_match_rejects_all(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    stored = (await fhir.post("/Patient", json=patient())).json()
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(identifier=identified(value))),
        entry("PUT", f"Patient/{stored['id']}", {**stored, "gender": "male"}, ifMatch='W/"9"'),
    )
    assert 412 == response.status_code
    assert [] == await patients_with(fhir, value)


async def test_if_none_exist_with_a_match_lends_its_id_to_references(fhir: httpx2.AsyncClient) -> None:
    value, who = str(uuid4()), urn()
    stored = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()["id"]
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(), who, ifNoneExist=f"identifier={SYSTEM}|{value}"),
        entry("POST", "Observation", observation(subject={"reference": who}), urn()),
    )
    assert "200" == response.json()["entry"][0]["response"]["status"][:3]
    assert f"Patient/{stored}" == (await located(fhir, response, 1))["subject"]["reference"]


async def test_the_same_if_none_exist_twice_makes_one_resource(fhir: httpx2.AsyncClient) -> None:
    value, first, second = str(uuid4()), urn(), urn()
    criteria = f"identifier={SYSTEM}|{value}"
    sent = patient(identifier=identified(value))
    response = await transact(
        fhir,
        entry("POST", "Patient", sent, first, ifNoneExist=criteria),
        entry("POST", "Patient", sent, second, ifNoneExist=criteria),
        entry("POST", "Observation", observation(subject={"reference": second}), urn()),
    )
    made = await patients_with(fhir, value)
    assert 1 == len(made)
    assert f"Patient/{made[0]['id']}" == (await located(fhir, response, 2))["subject"]["reference"]


async def test_deletes_come_before_conditional_creates_and_reads_come_last(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    old = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()
    kept = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    response = await transact(
        fhir,
        entry("GET", f"Patient/{kept['id']}"),
        entry("PUT", f"Patient/{kept['id']}", {**kept, "gender": "female"}),
        entry("POST", "Patient", patient(identifier=identified(value)), ifNoneExist=f"identifier={SYSTEM}|{value}"),
        entry("DELETE", f"Patient/{old['id']}"),
    )
    answers = response.json()["entry"]
    assert "female" == answers[0]["resource"]["gender"]
    assert "201" == answers[2]["response"]["status"][:3]
    assert 410 == (await fhir.get(f"/Patient/{old['id']}")).status_code


async def test_a_read_of_nothing_rejects_all(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(identifier=identified(value))),
        entry("GET", f"Patient/{uuid4()}"),
    )
    assert 404 == response.status_code
    assert [] == await patients_with(fhir, value)


@pytest.mark.parametrize("second", ["PUT", "DELETE"])
async def test_two_entries_that_write_one_resource_are_refused(fhir: httpx2.AsyncClient, second: str) -> None:
    id_ = str(uuid4())
    response = await transact(
        fhir,
        entry("PUT", f"Patient/{id_}", patient(id=id_)),
        entry(second, f"Patient/{id_}", patient(id=id_) if second == "PUT" else None),
    )
    assert (400, "duplicate") == (response.status_code, response.json()["issue"][0]["code"])
    assert 404 == (await fhir.get(f"/Patient/{id_}")).status_code


async def test_criteria_may_name_other_entries_but_not_in_a_circle(fhir: httpx2.AsyncClient) -> None:
    first, second = urn(), urn()
    chain = await transact(
        fhir,
        entry("POST", "Observation", observation(), second, ifNoneExist=f"subject={first}"),
        entry("POST", "Patient", patient(), first),
    )
    assert ["201", "201"] == [one["response"]["status"][:3] for one in chain.json()["entry"]]
    circle = await transact(
        fhir,
        entry("POST", "Observation", observation(), first, ifNoneExist=f"has-member={second}"),
        entry("POST", "Observation", observation(), second, ifNoneExist=f"has-member={first}"),
    )
    assert 400 == circle.status_code


async def test_patches_take_part(fhir: httpx2.AsyncClient) -> None:
    stored = (await fhir.post("/Patient", json=patient())).json()["id"]
    operations = json.dumps([{"op": "add", "path": "/gender", "value": "male"}]).encode()
    document = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(operations).decode(),
    }
    response = await transact(fhir, entry("PATCH", f"Patient/{stored}", document))
    assert 200 == response.status_code
    assert "male" == (await fhir.get(f"/Patient/{stored}")).json()["gender"]


async def test_conditional_deletes_take_part(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    stored = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()["id"]
    assert 200 == (await transact(fhir, entry("DELETE", f"Patient?identifier={SYSTEM}|{value}"))).status_code
    assert 410 == (await fhir.get(f"/Patient/{stored}")).status_code


@pytest.mark.parametrize("type_", ["searchset", "collection", "document", None])
async def test_other_bundles_are_refused(fhir: httpx2.AsyncClient, type_: str | None) -> None:
    assert 400 == (await fhir.post("/", json={"resourceType": "Bundle", "type": type_})).status_code


async def test_a_bundle_over_the_limit_is_413(fhir: httpx2.AsyncClient) -> None:
    entries = [entry("GET", "metadata")] * 100_000
    assert 413 == (await transact(fhir, *entries)).status_code


async def test_ten_thousand_entries_work(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    entries = [entry("POST", "Basic", {"resourceType": "Basic", "code": {"text": value}}) for _ in range(9_999)]
    response = await transact(fhir, *entries, entry("POST", "Patient", patient(identifier=identified(value))))
    assert 200 == response.status_code
    assert {"201"} == {one["response"]["status"][:3] for one in response.json()["entry"]}
    assert 1 == len(await patients_with(fhir, value))


async def test_parallel_transactions_with_one_if_none_exist_make_one_resource(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    sent = patient(identifier=identified(value))
    one = entry("POST", "Patient", sent, urn(), ifNoneExist=f"identifier={SYSTEM}|{value}")
    responses = await asyncio.gather(*(transact(fhir, one) for _ in range(10)))
    assert {200} == {response.status_code for response in responses}
    assert 1 == len(await patients_with(fhir, value))


async def test_an_ambiguous_if_none_exist_rejects_all_and_is_named(fhir: httpx2.AsyncClient) -> None:
    value, other = str(uuid4()), str(uuid4())
    for _ in range(2):
        await fhir.post("/Patient", json=patient(identifier=identified(value)))
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(identifier=identified(other))),
        entry("POST", "Patient", patient(), ifNoneExist=f"identifier={SYSTEM}|{value}"),
    )
    assert 412 == response.status_code
    assert ["Bundle.entry[1]"] == response.json()["issue"][0]["expression"]
    assert [] == await patients_with(fhir, other)


async def test_the_same_value_in_two_systems_is_two_resources(fhir: httpx2.AsyncClient) -> None:
    value = str(uuid4())
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(identifier=identified(value)), ifNoneExist=f"identifier={SYSTEM}|{value}"),
        entry(
            "POST",
            "Patient",
            patient(identifier=identified(value, "urn:test:other")),
            ifNoneExist=f"identifier=urn:test:other|{value}",
        ),
    )
    assert ["201", "201"] == [one["response"]["status"][:3] for one in response.json()["entry"]]
    assert response.json()["entry"][0]["response"]["location"] != response.json()["entry"][1]["response"]["location"]


async def test_all_versions_of_a_transaction_have_one_instant(fhir: httpx2.AsyncClient) -> None:
    response = await transact(fhir, *(entry("POST", "Patient", patient()) for _ in range(200)))
    assert 1 == len({one["response"]["lastModified"] for one in response.json()["entry"]})


@pytest.mark.parametrize(
    "bad",
    [
        entry("PUT", "Patient/x", patient(id="y")),
        entry("PUT", "Patient/x"),
        entry("POST", "Patient", observation()),
        entry("POST", "Patient", [1]),
        entry("POST", "", bundle("batch")),
        entry("PATCH", "Patient/x", patient()),
        entry(
            "PATCH", "Patient/x", {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "!"}
        ),
        entry("GET", "Foo/1"),
        entry("GET", "Patient/a_b"),
        entry("GET", "Patient?name=%zz"),
        entry("GET", "Patient/x", ifModifiedSince="yesterday"),
        entry("DELETE", "Patient?nonsense=1"),
        entry("DELETE", "Patient"),
        entry("POST", "Patient", patient(), ifNoneExist="nonsense=1"),
        entry("POST", "Patient/$validate", patient()),
        entry("PUT", "Patient/_history", patient()),
        entry("GET", "http://elsewhere.example/fhir/Patient/x"),
        {"resource": patient()},
        {"request": 7},
        7,
    ],
    ids=str,
)
async def test_an_entry_that_cannot_be_understood_rejects_all_and_is_named(fhir: httpx2.AsyncClient, bad: Any) -> None:
    other = str(uuid4())
    response = await transact(fhir, entry("POST", "Patient", patient(identifier=identified(other))), bad)
    assert response.status_code in (400, 404, 405, 422)
    assert "Bundle.entry[1]" in response.json()["issue"][0]["expression"][0]
    assert [] == await patients_with(fhir, other)


@pytest.mark.parametrize(
    "url",
    [
        "Patient?birthdate=bad",
        "Patient?_count=x",
        "Patient?_sort=nonsense",
        "Patient?_page=garbage",
        "Patient/{id}/_history/7",
        "Patient/{id}/_history?_since=bad",
        "Patient/never-was/_history",
        "_history?_since=bad",
    ],
)
async def test_a_reading_entry_that_cannot_be_answered_rejects_all(fhir: httpx2.AsyncClient, url: str) -> None:
    id_ = str(uuid4())
    response = await transact(fhir, entry("PUT", f"Patient/{id_}", patient(id=id_)), entry("GET", url.format(id=id_)))
    assert response.status_code in (400, 404)
    assert 404 == (await fhir.get(f"/Patient/{id_}")).status_code


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("fullUrl", "urn:uuid: 1"),
        ("fullUrl", "urn:uuid:1\n"),
        ("fullUrl", 7),
        ("fullUrl", "https://example.org/Patient/1/_history/2"),
        ("search", {"mode": "match"}),
        ("request.method", "FETCH"),
        ("request.method", ["POST"]),
        ("request.method", None),
        ("request.url", "Patient 1"),
        ("request.url", None),
        ("request.ifMatch", ""),
        ("request.ifNoneMatch", 1),
        ("request.unknown", "1"),
    ],
)
async def test_an_entry_that_breaks_a_rule_of_bundle_rejects_all(
    fhir: httpx2.AsyncClient, part: str, value: Any
) -> None:
    wrong = entry("POST", "Patient", patient(), urn())
    owner, name = (wrong["request"], part.partition(".")[2]) if "." in part else (wrong, part)
    owner[name] = value
    if value is None:
        del owner[name]
    response = await transact(fhir, wrong)
    assert 400 == response.status_code
    assert response.json()["issue"][0]["expression"][0].startswith("Bundle.entry[0]")


async def test_reading_entries_see_what_the_transaction_made(fhir: httpx2.AsyncClient) -> None:
    id_ = str(uuid4())
    response = await transact(
        fhir,
        entry("GET", f"Patient?_id={id_}"),
        entry("GET", f"Patient/{id_}/_history/1"),
        entry("GET", f"Patient/{id_}/_history"),
        entry("PUT", f"Patient/{id_}", patient(id=id_)),
    )
    found, version, history, _ = response.json()["entry"]
    assert id_ == found["resource"]["entry"][0]["resource"]["id"]
    assert id_ == version["resource"]["id"]
    assert 1 == history["resource"]["total"]


async def test_names_in_the_criteria_of_a_put_are_replaced(fhir: httpx2.AsyncClient) -> None:
    value, who = str(uuid4()), urn()
    person = (await fhir.post("/Patient", json=patient(identifier=identified(value)))).json()["id"]
    stored = await fhir.post("/Observation", json=observation(subject={"reference": f"Patient/{person}"}))
    response = await transact(
        fhir,
        entry("POST", "Patient", patient(), who, ifNoneExist=f"identifier={SYSTEM}|{value}"),
        entry("PUT", f"Observation?subject={who}", observation(subject={"reference": who}, valueInteger=1)),
    )
    assert "200" == response.json()["entry"][1]["response"]["status"][:3]
    assert stored.json()["id"] == (await located(fhir, response, 1))["id"]


async def test_a_put_that_matches_nothing_does_not_replace_what_its_body_names(fhir: httpx2.AsyncClient) -> None:
    other = (await fhir.post("/Patient", json=patient(gender="male"))).json()
    step = entry("PUT", f"Patient?identifier={SYSTEM}|{uuid4()}", patient(id=other["id"], gender="female"))
    refused = await fhir.post("/", json=bundle("transaction", step))
    assert (409, ["Bundle.entry[0]"]) == (refused.status_code, refused.json()["issue"][0]["expression"])
    assert other == (await fhir.get(f"/Patient/{other['id']}")).json()


async def test_puts_whose_criteria_name_each_other_are_a_circle(fhir: httpx2.AsyncClient) -> None:
    first, second = urn(), urn()
    response = await transact(
        fhir,
        entry("PUT", f"Observation?has-member={second}", observation(), first),
        entry("PUT", f"Observation?has-member={first}", observation(), second),
    )
    assert 400 == response.status_code


@pytest.mark.parametrize("reference", ["Nope?a=b", "Resource?_id=b", "Patient?nonsense=b"])
async def test_a_conditional_reference_to_nonsense_is_400_and_named(fhir: httpx2.AsyncClient, reference: str) -> None:
    response = await transact(fhir, entry("POST", "Observation", observation(subject={"reference": reference})))
    assert 400 == response.status_code


async def test_one_full_url_for_two_entries_is_refused(fhir: httpx2.AsyncClient) -> None:
    name = urn()
    response = await transact(
        fhir, entry("POST", "Patient", patient(), name), entry("POST", "Patient", patient(), name)
    )
    assert (400, "duplicate") == (response.status_code, response.json()["issue"][0]["code"])


async def test_if_none_match_star_writes_only_where_nothing_stands(fhir: httpx2.AsyncClient) -> None:
    id_ = str(uuid4())
    first = entry("PUT", f"Patient/{id_}", patient(id=id_, gender="male"), ifNoneMatch="*")
    assert "201 Created" == (await transact(fhir, first)).json()["entry"][0]["response"]["status"]
    refused = await transact(fhir, first, entry("POST", "Patient", patient(identifier=identified(id_))))
    assert (412, ["Bundle.entry[0]"]) == (refused.status_code, refused.json()["issue"][0]["expression"])
    assert [] == await patients_with(fhir, id_)


async def test_if_none_match_star_is_fulfilled_by_what_is_deleted(fhir: httpx2.AsyncClient) -> None:
    id_ = str(uuid4())
    await fhir.put(f"/Patient/{id_}", json=patient(id=id_))
    await fhir.delete(f"/Patient/{id_}")
    again = await transact(fhir, entry("PUT", f"Patient/{id_}", patient(id=id_), ifNoneMatch="*"))
    answer = again.json()["entry"][0]["response"]
    assert ("201 Created", 'W/"3"') == (answer["status"], answer["etag"])


async def test_of_many_that_write_with_if_none_match_star_at_once_one_does(fhir: httpx2.AsyncClient) -> None:
    id_ = str(uuid4())
    one = entry("PUT", f"Patient/{id_}", patient(id=id_), ifNoneMatch="*")
    other = entry("POST", "Patient", patient(identifier=identified(id_)))
    answers = await asyncio.gather(*(transact(fhir, one, other) for _ in range(6)))
    assert [200] + [412] * 5 == sorted(answer.status_code for answer in answers)
    assert 1 == len(await patients_with(fhir, id_))
