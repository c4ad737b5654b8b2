"""$everything: the record of a patient or encounter, page by page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from fhir_server.kernel.fhir_json import pretty
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import build_app
from tests.conftest import BASE
from tests.make import observation, patient

pytestmark = pytest.mark.anyio


@pytest.fixture
async def small(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server whose pages have at most three entries."""
    app = build_app(replace(settings, max_page_size=3))
    async with app.framework.router.lifespan_context(app.framework):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
            yield client


async def long_record(fhir: httpx2.AsyncClient) -> tuple[list[str], str]:
    """Store a record of eight members, each of which but the owner refers to one practitioner; return both."""
    practitioner = await put(fhir, {"resourceType": "Practitioner"})
    owner = await put(fhir, patient())
    seven = [await put(fhir, observation(subject=to(owner), performer=[to(practitioner)])) for _ in range(7)]
    return [owner, *seven], practitioner


async def put(fhir: httpx2.AsyncClient, resource: dict[str, Any]) -> str:
    """Store a resource under a new id; return its reference."""
    reference = f"{resource['resourceType']}/{uuid4()}"
    response = await fhir.put(f"/{reference}", json={**resource, "id": reference.partition("/")[2]})
    assert 201 == response.status_code, response.text
    return reference


def to(reference: str) -> dict[str, str]:
    return {"reference": reference}


def listed(bundle: dict[str, Any], mode: str) -> list[str]:
    entries = [entry for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]
    return [f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in entries]


async def everything(fhir: httpx2.AsyncClient, reference: str, **params: str) -> dict[str, Any]:
    response = await fhir.get(f"/{reference}/$everything", params=params)
    assert 200 == response.status_code, response.text
    bundle: dict[str, Any] = response.json()
    return bundle


def next_of(bundle: dict[str, Any]) -> str | None:
    return next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)


async def test_the_record_is_the_compartment_and_what_it_refers_to(fhir: httpx2.AsyncClient) -> None:
    organization = await put(fhir, {"resourceType": "Organization", "name": "clinic"})
    practitioner = await put(fhir, {"resourceType": "Practitioner"})
    owner = await put(fhir, patient(managingOrganization=to(organization)))
    weight = await put(fhir, observation(subject=to(owner), performer=[to(practitioner)]))
    await put(fhir, observation(subject=to(await put(fhir, patient()))))
    bundle = await everything(fhir, owner)
    assert ("searchset", 2) == (bundle["type"], bundle["total"])
    assert [owner, weight] == listed(bundle, "match")
    assert {organization, practitioner} == set(listed(bundle, "include"))


async def test_deleted_resources_are_left_out(fhir: httpx2.AsyncClient) -> None:
    practitioner = await put(fhir, {"resourceType": "Practitioner"})
    owner = await put(fhir, patient(generalPractitioner=[to(practitioner)]))
    gone = await put(fhir, observation(subject=to(owner)))
    await fhir.delete(f"/{gone}")
    await fhir.delete(f"/{practitioner}")
    bundle = await everything(fhir, owner)
    assert ([owner], []) == (listed(bundle, "match"), listed(bundle, "include"))


async def test_a_list_of_several_patients_opens_no_other_record(fhir: httpx2.AsyncClient) -> None:
    owner, other = await put(fhir, patient()), await put(fhir, patient())
    secret = await put(fhir, observation(subject=to(other)))
    items = [{"item": to(owner)}, {"item": to(other)}, {"item": to(secret)}]
    working = {"resourceType": "List", "status": "current", "mode": "working"}
    shared = await put(fhir, {**working, "subject": to(owner), "entry": items})
    bundle = await everything(fhir, owner)
    assert ({owner, shared}, []) == (set(listed(bundle, "match")), listed(bundle, "include"))


async def test_the_record_of_an_encounter_has_its_patient(fhir: httpx2.AsyncClient) -> None:
    owner = await put(fhir, patient())
    finished = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}
    visit = await put(fhir, {**finished, "subject": to(owner)})
    weight = await put(fhir, observation(subject=to(owner), encounter=to(visit)))
    await put(fhir, observation(subject=to(owner)))
    bundle = await everything(fhir, visit)
    assert ([visit, weight], [owner]) == (listed(bundle, "match"), listed(bundle, "include"))


async def test_pages_hold_every_member_once(fhir: httpx2.AsyncClient) -> None:
    owner = await put(fhir, patient())
    weights = [await put(fhir, observation(subject=to(owner))) for _ in range(4)]
    problems = [await put(fhir, {"resourceType": "Condition", "subject": to(owner)}) for _ in range(2)]
    bundle = await everything(fhir, owner, _count="2")
    found = [listed(bundle, "match")]
    while (url := next_of(bundle)) is not None and len(found) < 5:
        bundle = (await fhir.get(url)).json()
        found.append(listed(bundle, "match"))
    assert [2, 2, 2, 1] == [len(page) for page in found]
    assert sorted([owner, *weights, *problems]) == sorted(one for page in found for one in page)
    assert owner == found[0][0]


async def test_a_record_of_several_pages_comes_whole_when_none_are_asked_for(small: httpx2.AsyncClient) -> None:
    (owner, *others), practitioner = await long_record(small)
    response = await small.get(f"/{owner}/$everything")
    bundle = response.json()
    matched = listed(bundle, "match")
    assert (owner, sorted([owner, *others])) == (matched[0], sorted(matched))
    assert ([practitioner], None) == (listed(bundle, "include"), next_of(bundle))
    assert "content-length" not in response.headers


async def test_a_record_that_is_streamed_is_the_same_in_every_form(small: httpx2.AsyncClient) -> None:
    (owner, *_), _ = await long_record(small)
    url = f"/{owner}/$everything"
    plain = await small.get(url, headers={"Accept-Encoding": "identity"})
    packed = await small.get(url, headers={"Accept-Encoding": "gzip"})
    indented = await small.get(url, params={"_pretty": "true"})
    assert (None, "gzip") == (plain.headers.get("content-encoding"), packed.headers.get("content-encoding"))
    assert plain.content == packed.content
    assert pretty(plain.content) == indented.content
    head = await small.head(url)
    assert (200, b"", plain.headers["content-type"]) == (head.status_code, head.content, head.headers["content-type"])


async def test_what_was_not_changed_lately_leaves_no_empty_list_in_a_stream(small: httpx2.AsyncClient) -> None:
    (owner, *_), _ = await long_record(small)
    bundle = (await small.get(f"/{owner}/$everything", params={"_since": "2999-01-01T00:00:00Z"})).json()
    assert "entry" not in bundle


async def test_an_entry_of_a_batch_and_all_patients_are_paged_without_count(small: httpx2.AsyncClient) -> None:
    (owner, *_), _ = await long_record(small)
    entry = {"request": {"method": "GET", "url": f"{owner}/$everything"}}
    batch = (await small.post("/", json={"resourceType": "Bundle", "type": "batch", "entry": [entry]})).json()
    for page in (batch["entry"][0]["resource"], (await small.get("/Patient/$everything")).json()):
        assert (3, True) == (len(listed(page, "match")), next_of(page) is not None)


async def test_a_page_of_another_record_or_with_other_parameters_is_refused(fhir: httpx2.AsyncClient) -> None:
    owner, other = await put(fhir, patient()), await put(fhir, patient())
    for _ in range(2):
        await put(fhir, observation(subject=to(owner)))
    url = next_of(await everything(fhir, owner, _count="1"))
    assert url is not None
    for changed in (url.replace(owner, other), f"{url}&_type=Patient", url[:-3] + "abc"):
        response = await fhir.get(changed)
        assert (400, ["_page"]) == (response.status_code, response.json()["issue"][0]["expression"])


async def test_posted_parameters_become_links_that_can_be_read(fhir: httpx2.AsyncClient) -> None:
    owner = await put(fhir, patient())
    weight = await put(fhir, observation(subject=to(owner)))
    body = {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueInteger": 1}]}
    first = (await fhir.post(f"/{owner}/$everything", json=body)).json()
    url = next_of(first)
    assert ([owner], True) == (listed(first, "match"), url is not None)
    assert [weight] == listed((await fhir.get(url or "")).json(), "match")


async def test_types_restrict_members_and_what_they_refer_to(fhir: httpx2.AsyncClient) -> None:
    practitioner = await put(fhir, {"resourceType": "Practitioner"})
    owner = await put(fhir, patient())
    weight = await put(fhir, observation(subject=to(owner), performer=[to(practitioner)]))
    both = await everything(fhir, owner, _type="Observation,Practitioner")
    assert ([weight], [practitioner]) == (listed(both, "match"), listed(both, "include"))
    people = await everything(fhir, owner, _type="Practitioner")
    assert ([], [practitioner]) == (listed(people, "match"), listed(people, "include"))
    assert [owner] == listed(await everything(fhir, owner, _type="Patient"), "match")


async def test_since_leaves_what_changed_later(fhir: httpx2.AsyncClient) -> None:
    practitioner = await put(fhir, {"resourceType": "Practitioner"})
    owner = await put(fhir, patient())
    await put(fhir, observation(subject=to(owner), performer=[to(practitioner)]))
    newer = await put(fhir, observation(subject=to(owner)))
    sent = {"resourceType": "Practitioner", "id": practitioner.partition("/")[2], "gender": "female"}
    changed = await fhir.put(f"/{practitioner}", json=sent)
    since = (await fhir.get(f"/{newer}")).json()["meta"]["lastUpdated"]
    assert 200 == changed.status_code
    bundle = await everything(fhir, owner, _since=since)
    assert ([newer], [practitioner]) == (listed(bundle, "match"), listed(bundle, "include"))


async def test_start_and_end_bound_the_time_of_care(fhir: httpx2.AsyncClient) -> None:
    owner = await put(fhir, patient())
    days = ("2019-12-31", "2020-01-01", "2020-12-31", "2021-01-01")
    dated = [await put(fhir, observation(subject=to(owner), effectiveDateTime=day)) for day in days]
    undated = await put(fhir, observation(subject=to(owner)))
    during = await everything(fhir, owner, start="2020-01-01", end="2020-12-31")
    assert {owner, undated, *dated[1:3]} == set(listed(during, "match"))
    assert {owner, undated, *dated[:2]} == set(listed(await everything(fhir, owner, end="2020-06"), "match"))
    assert {owner, undated, *dated[2:]} == set(listed(await everything(fhir, owner, start="2020-06"), "match"))


async def test_a_member_outside_of_the_period_does_not_come_back_as_referred_to(fhir: httpx2.AsyncClient) -> None:
    owner = await put(fhir, patient())
    old = await put(fhir, observation(subject=to(owner), effectiveDateTime="2010"))
    new = await put(fhir, observation(subject=to(owner), effectiveDateTime="2020", hasMember=[to(old)]))
    bundle = await everything(fhir, owner, start="2020")
    assert ([owner, new], []) == (listed(bundle, "match"), listed(bundle, "include"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_since", "yesterday"),
        ("start", "2020-13"),
        ("end", "x"),
        ("_type", "Observations"),
        ("_count", "0"),
        ("_sort", "date"),
        ("_page", "x"),
    ],
)
async def test_a_bad_parameter_is_400_and_named(fhir: httpx2.AsyncClient, name: str, value: str) -> None:
    response = await fhir.get(f"/{await put(fhir, patient())}/$everything", params={name: value})
    assert (400, [name]) == (response.status_code, response.json()["issue"][0]["expression"])


async def test_a_patient_who_is_not_there_is_404_or_410(fhir: httpx2.AsyncClient) -> None:
    owner = await put(fhir, patient())
    await fhir.delete(f"/{owner}")
    assert 404 == (await fhir.get(f"/Patient/{uuid4()}/$everything")).status_code
    assert 410 == (await fhir.get(f"/{owner}/$everything")).status_code


async def test_all_records_have_every_patient_and_member_once_and_what_they_refer_to(fhir: httpx2.AsyncClient) -> None:
    practitioner = await put(fhir, {"resourceType": "Practitioner"})
    people = [await put(fhir, patient(generalPractitioner=[to(practitioner)])) for _ in range(3)]
    weights = [await put(fhir, observation(subject=to(one))) for one in people]
    await put(fhir, observation(subject=to(await put(fhir, {"resourceType": "Device"}))))
    gone = await put(fhir, patient())
    await fhir.delete(f"/{gone}")
    since = (await fhir.get(f"/{practitioner}")).json()["meta"]["lastUpdated"]
    url: str | None = f"/Patient/$everything?_since={since}&_count=500"
    matched, included = [], set()
    while url is not None:
        bundle = (await fhir.get(url)).json()
        matched += listed(bundle, "match")
        included |= set(listed(bundle, "include"))
        url = next_of(bundle)
    assert sorted([*people, *weights]) == sorted(matched)
    assert {practitioner} == included


@pytest.mark.parametrize("path", ["/Encounter/$everything", "/Observation/1/$everything", "/$everything"])
async def test_other_levels_and_types_have_no_record(fhir: httpx2.AsyncClient, path: str) -> None:
    assert 404 == (await fhir.get(path)).status_code
