"""search over HTTP: Bundles, links, totals, what goes with the hits, and what is refused."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.make import identified, observation, patient

pytestmark = pytest.mark.anyio

SYSTEM = "urn:test:search"


def tagged(resource: dict[str, Any], tag: str) -> dict[str, Any]:
    """Return the resource with a tag: tests share a database, so each finds its own by a tag of its own."""
    return {**resource, "meta": {"tag": [{"system": SYSTEM, "code": tag}]}}


async def put(fhir: httpx2.AsyncClient, tag: str, *resources: dict[str, Any]) -> None:
    for one in resources:
        response = await fhir.put(f"/{one['resourceType']}/{one['id']}", json=tagged(one, tag))
        assert response.status_code < 300, response.text


async def bundle_of(fhir: httpx2.AsyncClient, url: str, **params: str) -> dict[str, Any]:
    response = await fhir.get(url, params=params or None)
    assert 200 == response.status_code, response.text
    content: dict[str, Any] = response.json()
    return content


def ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == mode]


def link(bundle: dict[str, Any], relation: str) -> str | None:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


async def test_hits_are_whole_entries_of_a_searchset(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "whole", patient(id="whole", gender="male"))
    found = await bundle_of(fhir, "/Patient", _tag=f"{SYSTEM}|whole")
    assert ("Bundle", "searchset", 1) == (found["resourceType"], found["type"], found["total"])
    (entry,) = found["entry"]
    assert entry["fullUrl"] == "http://test/fhir/Patient/whole"
    assert entry["search"] == {"mode": "match"}
    assert entry["resource"] == (await fhir.get("/Patient/whole")).json()


async def test_post_search_reads_the_parameters_of_body_and_url(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "post", patient(id="post-1", gender="male"), patient(id="post-2", gender="female"))
    response = await fhir.post("/Patient/_search?gender=female", data={"_tag": f"{SYSTEM}|post"})
    assert ids(response.json()) == ["post-2"]
    assert "gender=female" in (link(response.json(), "self") or "")


async def test_self_link_names_what_was_understood(fhir: httpx2.AsyncClient) -> None:
    found = await bundle_of(fhir, "/Patient", gender="male", shoe="44", _count="0")
    query = dict(parse_qsl(urlsplit(link(found, "self") or "").query))
    assert query == {"gender": "male", "_count": "0"}


async def test_unknown_parameter_is_ignored_with_a_note_or_refused(fhir: httpx2.AsyncClient) -> None:
    found = await bundle_of(fhir, "/Patient", shoe="44", _tag=f"{SYSTEM}|none")
    (note,) = [entry["resource"] for entry in found["entry"] if entry["search"]["mode"] == "outcome"]
    assert ("OperationOutcome", "warning") == (note["resourceType"], note["issue"][0]["severity"])
    assert "shoe" in note["issue"][0]["diagnostics"]
    strict = await fhir.get("/Patient", params={"shoe": "44"}, headers={"Prefer": "handling=strict"})
    assert 400 == strict.status_code


async def test_pages_are_walked_forwards_and_backwards_while_others_write(fhir: httpx2.AsyncClient) -> None:
    stay = {f"walk-s{n:02}" for n in range(12)}
    await put(fhir, "walk", *(patient(id=id_) for id_ in sorted(stay)))
    seen: list[str] = []
    found = await bundle_of(fhir, "/Patient", _tag=f"{SYSTEM}|walk", _count="5")
    pages = [ids(found)]
    while following := link(found, "next"):
        await put(fhir, "walk", patient(id=f"walk-t{len(pages)}"), patient(id=f"walk-a{len(pages)}"))
        found = await bundle_of(fhir, following)
        pages.append(ids(found))
    seen = [id_ for page in pages for id_ in page]
    assert stay <= set(seen)
    assert len(seen) == len(set(seen))
    back = await bundle_of(fhir, link(found, "previous") or "")
    assert ids(back) == pages[-2]
    assert link(found, "first") == "http://test/fhir/Patient?_tag=urn:test:search|walk&_count=5"


async def test_page_links_are_refused_when_forged_or_used_elsewhere(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "forge", *(patient(id=f"forge-{n}") for n in range(3)))
    following = link(await bundle_of(fhir, "/Patient", _tag=f"{SYSTEM}|forge", _count="1"), "next") or ""
    assert 200 == (await fhir.get(following)).status_code
    others = [
        following.replace("forge", "other"),
        following.replace("/Patient?", "/Observation?"),
        following + "&gender=male",
        following[:-4] + "AAAA",
        following[:-9],
    ]
    for url in others:
        response = await fhir.get(url)
        assert (400, "OperationOutcome") == (response.status_code, response.json()["resourceType"]), url


async def test_total_is_told_as_asked(fhir: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(fhir, "total", *(patient(id=f"total-{n}") for n in range(4)))
    wanted = {"_tag": f"{SYSTEM}|total", "_count": "2"}
    monkeypatch.setattr("fhir_server.interactions.search.TOTAL_CAP", 3)
    assert "total" not in await bundle_of(fhir, "/Patient", **wanted)
    assert "total" not in await bundle_of(fhir, "/Patient", **wanted, _total="none")
    assert 4 == (await bundle_of(fhir, "/Patient", **wanted, _total="accurate"))["total"]
    assert 4 == (await bundle_of(fhir, "/Patient", **wanted, _total="estimate"))["total"]
    counted = await bundle_of(fhir, "/Patient", **wanted, _summary="count")
    assert (4, False) == (counted["total"], "entry" in counted)


async def test_total_is_left_out_where_counting_would_cost_more_than_the_page(
    fhir: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", 0)
    for name in ("dear-1", "dear-2"):
        await put(fhir, "dear", patient(id=name), observation(id=name, subject={"reference": f"Patient/{name}"}))
    wanted = {"_tag": f"{SYSTEM}|dear", "_has:Observation:patient:status": "final"}
    first = await bundle_of(fhir, "/Patient", **wanted, _count="1")
    assert (1, False) == (len(ids(first)), "total" in first)
    assert 2 == (await bundle_of(fhir, "/Patient", **wanted, _count="1", _total="accurate"))["total"]
    assert 2 == (await bundle_of(fhir, "/Patient", **wanted))["total"], "all on one page: nothing to count"


async def test_summary_and_elements_are_tagged_as_parts(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "part", patient(id="part", gender="male", birthDate="1980", contact=[{"name": {"family": "X"}}]))
    wanted = {"_tag": f"{SYSTEM}|part"}
    for params, present, absent in (
        ({"_summary": "true"}, "gender", "contact"),
        ({"_elements": "birthDate"}, "birthDate", "gender"),
        ({"_summary": "data"}, "contact", "text"),
    ):
        (entry,) = (await bundle_of(fhir, "/Patient", **wanted, **params))["entry"]
        assert present in entry["resource"]
        assert absent not in entry["resource"]
        assert "SUBSETTED" in [tag["code"] for tag in entry["resource"]["meta"]["tag"]]


async def test_includes_come_once_and_are_marked(fhir: httpx2.AsyncClient) -> None:
    await put(
        fhir,
        "inc",
        {"resourceType": "Organization", "id": "inc-o", "name": "O"},
        patient(id="inc-p", managingOrganization={"reference": "Organization/inc-o"}),
    )
    await put(fhir, "inc-obs", *(observation(id=f"inc-{n}", subject={"reference": "Patient/inc-p"}) for n in range(2)))
    wanted = {"_tag": f"{SYSTEM}|inc-obs", "_include": "Observation:subject"}
    found = await bundle_of(fhir, "/Observation", **wanted)
    assert (2, ["inc-p"]) == (len(ids(found)), ids(found, "include"))
    assert 2 == found["total"]
    found = await bundle_of(fhir, "/Observation", **wanted, **{"_include:iterate": "Patient:organization"})
    assert ["inc-p", "inc-o"] == ids(found, "include")
    found = await bundle_of(fhir, "/Patient", _tag=f"{SYSTEM}|inc", _revinclude="Observation:subject")
    assert (["inc-p"], {"inc-0", "inc-1"}) == (ids(found), set(ids(found, "include")))
    found = await bundle_of(fhir, "/Observation", **wanted | {"_include": "Observation:subject:Group"})
    assert [] == ids(found, "include")


async def test_include_brings_the_version_that_a_reference_names(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "inc-old", patient(id="inc-old", gender="male"), patient(id="inc-old", gender="female"))
    for id_, version in (
        ("inc-v1", "/_history/1"),
        ("inc-v2", "/_history/2"),
        ("inc-v9", "/_history/9"),
        ("inc-v", ""),
    ):
        await put(fhir, "inc-old", observation(id=id_, subject={"reference": f"Patient/inc-old{version}"}))

    async def versions(id_: str) -> list[str]:
        found = await bundle_of(fhir, "/Observation", _id=id_, _include="Observation:subject", _sort="_id")
        included = [one["resource"] for one in found["entry"] if one["search"]["mode"] == "include"]
        return [one["meta"]["versionId"] for one in included]

    assert ["1"] == await versions("inc-v1")
    assert ["2"] == await versions("inc-v2")
    assert ["2"] == await versions("inc-v9")
    assert ["1", "2"] == sorted(await versions("inc-v1,inc-v,inc-v2"))


async def test_includes_follow_canonical_urls_both_ways(fhir: httpx2.AsyncClient) -> None:
    form = {"resourceType": "Questionnaire", "id": "inc-form", "status": "active", "url": "http://acme.test/inc-form"}
    answer = {"resourceType": "QuestionnaireResponse", "id": "inc-answer", "status": "completed"}
    await put(fhir, "inc-url", form, answer | {"questionnaire": form["url"]})
    by_url = "QuestionnaireResponse:questionnaire"
    found = await bundle_of(fhir, "/QuestionnaireResponse", _id="inc-answer", _include=by_url)
    assert ["inc-form"] == ids(found, "include")
    found = await bundle_of(fhir, "/Questionnaire", _id="inc-form", _revinclude=by_url)
    assert ["inc-answer"] == ids(found, "include")


async def test_cycles_of_iterated_includes_end(fhir: httpx2.AsyncClient) -> None:
    def linked(id_: str, other: str) -> dict[str, Any]:
        return patient(id=id_, link=[{"other": {"reference": f"Patient/{other}"}, "type": "seealso"}])

    await put(fhir, "ring-rest", patient(id="ring-a"))
    await put(fhir, "ring-rest", linked("ring-c", "ring-a"), linked("ring-b", "ring-c"))
    await put(fhir, "ring", linked("ring-a", "ring-b"))
    found = await bundle_of(fhir, "/Patient", _tag=f"{SYSTEM}|ring", **{"_include:iterate": "Patient:link"})
    assert (["ring-a"], ["ring-b", "ring-c"]) == (ids(found), sorted(ids(found, "include")))


async def test_more_includes_than_the_cap_are_cut_with_a_note(
    fhir: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.interactions.including.INCLUDED_AT_MOST", 3)
    await put(fhir, "cap", patient(id="cap"))
    await put(fhir, "cap-obs", *(observation(id=f"cap-{n}", subject={"reference": "Patient/cap"}) for n in range(5)))
    found = await bundle_of(fhir, "/Patient", _tag=f"{SYSTEM}|cap", _revinclude="Observation:subject")
    assert 3 == len(ids(found, "include"))
    (note,) = [entry["resource"] for entry in found["entry"] if entry["search"]["mode"] == "outcome"]
    assert "incomplete" == note["issue"][0]["code"]


async def test_system_level_search_finds_several_types(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "sys", patient(id="sys-p"), observation(id="sys-o"))
    found = await bundle_of(fhir, "", _tag=f"{SYSTEM}|sys", _type="Patient,Observation,Slot")
    assert {"sys-p", "sys-o"} == set(ids(found))
    assert {"sys-p", "sys-o"} == set(ids(await bundle_of(fhir, "", _tag=f"{SYSTEM}|sys")))


async def test_compartment_search_finds_what_belongs_to_a_patient(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "comp", patient(id="comp"), observation(id="comp-1", subject={"reference": "Patient/comp"}))
    await put(fhir, "comp", observation(id="comp-2", subject={"reference": "Patient/other"}))
    assert ["comp-1"] == ids(await bundle_of(fhir, "/Patient/comp/Observation"))
    assert {"comp", "comp-1"} == set(ids(await bundle_of(fhir, "/Patient/comp/*")))


@pytest.mark.parametrize("type_", ["Device", "Practitioner", "RelatedPerson"])
async def test_every_resource_with_a_compartment_lies_in_it_itself(fhir: httpx2.AsyncClient, type_: str) -> None:
    needed = {"patient": {"reference": "Patient/of"}} if type_ == "RelatedPerson" else {}
    await put(fhir, "own", {"resourceType": type_, "id": "own", **needed})
    assert ["own"] == ids(await bundle_of(fhir, f"/{type_}/own/*"))
    assert ["own"] == ids(await bundle_of(fhir, f"/{type_}/own/{type_}"))


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("/Patient?birthdate:exact=2000", "birthdate"),
        ("/Patient?gender:contains=m", "gender"),
        ("/Patient?family:fuzzy=x", "family"),
        ("/Patient?birthdate=soon", "birthdate"),
        ("/Patient?birthdate=xx2000", "birthdate"),
        ("/Patient?birthdate=2000-02-31", "birthdate"),
        ("/RiskAssessment?probability=many", "probability"),
        ("/Observation?value-quantity=1|2", "value-quantity"),
        ("/Observation?code=a|b|c", "code"),
        ("/Observation?status.name=x", "status"),
        ("/Observation?patient.nonsense=x", "patient"),
        ("/Observation?subject:Claim.status=x", "subject"),
        ("/Patient?_has:Nonsense:patient:code=x", "_has"),
        ("/Patient?_has:Observation:code=x", "_has"),
        ("/Patient?_count=-1", "_count"),
        ("/Patient?_count=x", "_count"),
        ("/Patient?_sort=nonsense", "_sort"),
        ("/Patient?_total=some", "_total"),
        ("/Patient?_type=Nonsense", "_type"),
        ("/Patient?_query=x", "_query"),
        ("/Patient?_filter=gender eq", "_filter"),
        ("/Patient?gender=" + ",".join(["male"] * 1_001), "gender"),
        ("/Patient?general-practitioner" + ".general-practitioner" * 9 + ".name=x", "general-practitioner"),
    ],
)
async def test_what_cannot_be_understood_is_400_with_the_parameter(
    fhir: httpx2.AsyncClient, url: str, named: str
) -> None:
    response = await fhir.get(url)
    assert 400 == response.status_code, response.text
    assert "OperationOutcome" == response.json()["resourceType"]
    assert named in response.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    "url",
    ["/Patient?family[$regex]=.*", "/Patient?identifier[$ne]=1", "/Patient?$where=1", "/Patient?_include=Nope:nope"],
)
async def test_names_that_are_no_parameters_are_ignored_or_refused(fhir: httpx2.AsyncClient, url: str) -> None:
    assert 200 == (await fhir.get(f"{url}&_count=0")).status_code
    strict = await fhir.get(url, headers={"Prefer": "handling=strict"})
    assert 400 == strict.status_code


@pytest.mark.parametrize("value", ["(a+)+$", ".*", "$where", "{'$gt': ''}", "x" * 10_000, "\\", "%", "a\x01b"])
async def test_strange_values_are_literal_text(fhir: httpx2.AsyncClient, value: str) -> None:
    for name in ("name", "name:exact", "identifier", "_tag", "organization"):
        response = await fhir.get("/Patient", params={name: value})
        assert (200, 0) == (response.status_code, response.json()["total"]), name


async def test_too_many_parameters_and_broken_escapes_are_400(fhir: httpx2.AsyncClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    many = "&".join(["gender=male"] * 10_001)
    for content in (many, "gender=%zz", "gender=%ff"):
        response = await fhir.post("/Patient/_search", content=content, headers=form)
        assert (400, "OperationOutcome") == (response.status_code, response.json()["resourceType"])


async def test_500_alternatives_are_answered(fhir: httpx2.AsyncClient) -> None:
    await put(fhir, "many", patient(id="many", identifier=identified("many-7")))
    values = ",".join(f"many-{n}" for n in range(500))
    assert ["many"] == ids(await bundle_of(fhir, "/Patient", identifier=values))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("/Observation?patient=Patient/1&_sort=-date", "Observation: index "),
        ("/Patient?family=x", "Patient: index "),
        ("/Patient?_sort=family,given", "sort what was found by computed values"),
        ("/Observation?patient.gender=male", "Observation: "),
    ],
)
async def test_explain_tells_the_plan_in_words(fhir: httpx2.AsyncClient, url: str, told: str) -> None:
    await put(fhir, "explain", patient(id="explain"), observation(id="explain"))
    outcome = await bundle_of(fhir, f"{url}&_explain=true")
    assert "OperationOutcome" == outcome["resourceType"]
    assert any(told in issue["diagnostics"] for issue in outcome["issue"])
    assert all("every document" not in issue["diagnostics"] for issue in outcome["issue"])
    assert 400 == (await fhir.get(f"{url}&_explain=maybe")).status_code


@pytest.mark.parametrize(("most", "count", "sizes"), [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (1, 2, [1]), (9, 4, [4, 3])])
async def test_all_pages_together_have_at_most_so_many_hits(
    fhir: httpx2.AsyncClient, most: int, count: int, sizes: list[int]
) -> None:
    await put(fhir, "most", *(patient(id=f"most-{number}") for number in range(7)))
    params = {"_tag": f"{SYSTEM}|most", "_sort": "_id", "_maxresults": str(most), "_count": str(count)}
    found = await bundle_of(fhir, "/Patient", **params)
    assert found["total"] == min(most, 7)
    pages = [ids(found)]
    while following := link(found, "next"):
        found = await bundle_of(fhir, following)
        pages.append(ids(found))
        back = await bundle_of(fhir, link(found, "previous") or "")
        assert ids(back) == pages[-2]
        assert ids(await bundle_of(fhir, link(back, "next") or "")) == pages[-1]
    assert [len(page) for page in pages] == sizes
    assert [id_ for page in pages for id_ in page] == [f"most-{number}" for number in range(min(most, 7))]


@pytest.mark.parametrize("extra", [{"_total": "accurate"}, {"_summary": "count"}])
async def test_total_counts_no_more_hits_than_are_wanted(fhir: httpx2.AsyncClient, extra: dict[str, str]) -> None:
    await put(fhir, "total", *(patient(id=f"total-{number}") for number in range(4)))
    params = {"_tag": f"{SYSTEM}|total", "_count": "1", **extra}
    assert (await bundle_of(fhir, "/Patient", **params))["total"] == 4
    assert (await bundle_of(fhir, "/Patient", **params, _maxresults="3"))["total"] == 3
    assert (await bundle_of(fhir, "/Patient", **params, _maxresults="9"))["total"] == 4


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
async def test_senseless_limit_of_hits_is_refused(fhir: httpx2.AsyncClient, value: str) -> None:
    response = await fhir.get("/Patient", params={"_maxresults": value})
    assert 400 == response.status_code
    assert "_maxresults" in response.json()["issue"][0]["diagnostics"]
