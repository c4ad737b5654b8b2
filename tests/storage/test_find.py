"""Finding current versions: order, pages, counts, chains, access and the indexes that serve it all."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import monitoring

from conformance.load import definitions
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.query import EVERYTHING, Access, Position, Query
from fhir_server.kernel.types import Change, Resource
from fhir_server.resources.prepare import tombstone
from fhir_server.search.registry import Parameter, registry
from fhir_server.storage.find import Finder
from tests.make import observation, patient
from tests.search.world import NOW, World, empty, opened_world


class Commands(monitoring.CommandListener):
    """The finds, counts and aggregations that reached the server."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate", "count"):
            self.seen.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="session")
def listener() -> Commands:
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture(scope="session")
async def found_world(mongo_uri: str, database_name: str, listener: Commands) -> AsyncIterator[World]:
    async with opened_world(mongo_uri, f"{database_name}_find") as world:
        yield world


@pytest.fixture
async def world(found_world: World) -> World:
    await empty(found_world)
    return found_world


def named(id_: str, **elements: Any) -> Resource:
    return patient(id=id_, **elements)


async def walk(world: World, url: str) -> list[list[str]]:
    """Return the ids of all pages, forwards; each page's way back is checked on the way."""
    request = world.request(url)
    pages: list[list[str]] = []
    position: Position | None = None
    before: list[str] = []
    while True:
        query = _at(request.query, position)
        page = await world.storage.finder.page(query, EVERYTHING)
        pages.append([version.id for version in page.versions])
        if before:
            assert page.previous is not None
            back = await world.storage.finder.page(_at(request.query, page.previous), EVERYTHING)
            assert [version.id for version in back.versions] == before
        else:
            assert page.previous is None
        if page.next is None:
            return pages
        before, position = pages[-1], page.next


def _at(query: Query, position: Position | None) -> Query:
    return replace(query, position=position)


DATES = {"a": "2001", "b": "2000-05-01", "c": "2000-05-01", "d": None, "e": "1990", "f": None, "g": "2000-05-01"}


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("birthdate", "egcbafd"),
        ("-birthdate", "abcgedf"),
        ("_id", "abcdefg"),
        ("-_id", "gfedcba"),
        ("gender,birthdate", "ecagbfd"),
        ("-gender,-birthdate", "bgdface"),
        ("family", "gfedcba"),
        ("email", "ceagfdb"),
        ("-email,_id", "aecbdfg"),
    ],
)
async def test_sorted_pages_hold_every_hit_once_with_missing_values_last(world: World, sort: str, order: str) -> None:
    genders = {"a": "female", "c": "female", "e": "female"}
    emails = {"a": "Zoe@x.test", "c": "ann@x.test", "e": "Mia@x.test"}
    await world.store(
        named(
            id_,
            **({"birthDate": date} if date else {}),
            gender=genders.get(id_, "male"),
            name=[{"family": f"x{ord('z') - ord(id_)}"}, {"family": "zz"}],
            telecom=[{"system": "email", "value": emails[id_]}]
            if id_ in emails
            else [{"system": "phone", "value": "1"}],
        )
        for id_, date in DATES.items()
    )
    pages = await walk(world, f"Patient?_sort={sort}&_count=2")
    assert "".join(id_ for page in pages for id_ in page) == order
    assert [len(page) for page in pages] == [2, 2, 2, 1]


async def test_pages_of_several_types_merge_in_one_order(world: World) -> None:
    await world.store([named(f"p{n}") for n in range(5)] + [observation(id=f"o{n}") for n in range(5)])
    await world.store([named("same"), observation(id="same")])
    pages = await walk(world, "?_type=Patient,Observation&_count=5&_sort=_id")
    assert [id_ for page in pages for id_ in page] == [f"o{n}" for n in range(5)] + [f"p{n}" for n in range(5)] + [
        "same",
        "same",
    ]


async def test_walk_sees_all_that_stays_while_others_write(world: World) -> None:
    stay = {f"s{n:02}" for n in range(20)}
    await world.store(named(id_) for id_ in stay | {"t05", "r05"})
    request = world.request("Patient?_count=3")
    seen: list[str] = []
    position: Position | None = None
    for step in range(100):
        page = await world.storage.finder.page(_at(request.query, position), EVERYTHING)
        seen += [version.id for version in page.versions]
        await world.store([named(f"new{step}"), named(f"a{step}")])
        if page.next is None:
            break
        position = page.next
    assert stay <= set(seen)
    assert len(seen) == len(set(seen))


async def test_deleted_resources_are_not_found_by_anything(world: World) -> None:
    await world.store([named("gone", gender="male")])
    version = await world.storage.reader.read("Patient", "gone", EVERYTHING)
    assert version is not None
    await world.storage.writer.commit([Change(tombstone(version, NOW), version)])
    for query in ("", "?_id=gone", "?gender=male", "?gender:not=female", "?birthdate:missing=true", "?_sort=birthdate"):
        assert await world.ids(f"Patient{query}") == []
        assert await world.storage.finder.count(world.request(f"Patient{query}").query, EVERYTHING) == 0


HIDDEN = Access(
    filter={"security": {"$ne": "urn:s|secret"}}, allows=lambda _c, security: "urn:s|secret" not in security
)


@pytest.mark.parametrize(
    "url",
    [
        "Patient?family=hidden",
        "Patient?_id=hidden",
        "Observation?patient.family=hidden",
        "Patient?_has:Observation:patient:code=secret",
        "Observation?code=secret",
    ],
)
async def test_access_rule_holds_in_every_step(world: World, url: str) -> None:
    secret = {"security": [{"system": "urn:s", "code": "secret"}]}
    await world.store([named("hidden", name=[{"family": "Hidden"}], meta=secret), named("open")])
    await world.store(
        [
            observation(id="of-hidden", subject={"reference": "Patient/hidden"}),
            observation(
                id="secret", code={"coding": [{"code": "secret"}]}, subject={"reference": "Patient/open"}, meta=secret
            ),
        ]
    )
    assert await world.ids(url) != []
    assert await world.ids(url, HIDDEN) == []
    assert await world.storage.finder.count(world.request(url).query, HIDDEN) == 0


async def test_count_stops_at_its_cap(world: World) -> None:
    await world.store(named(f"p{n}") for n in range(7))
    query = world.request("Patient?_count=3").query
    assert (await world.storage.finder.page_and_count(query, EVERYTHING, cap=5))[1] == 5
    assert (await world.storage.finder.page_and_count(query, EVERYTHING))[1] == 7
    assert await world.storage.finder.count(query, EVERYTHING) == 7


async def test_step_that_finds_too_much_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.storage.find.lookups.MOST_VALUES", 3)
    monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", 3)
    monkeypatch.setattr("fhir_server.storage.find.finder.MOST_CANDIDATES", 3)
    monkeypatch.setattr("fhir_server.storage.find.finder._FIRST_CANDIDATES", 3)
    await world.store(named(f"p{n}", gender="male") for n in range(5))
    await world.store(observation(id=f"o{n}", subject={"reference": "Patient/p1"}) for n in range(5))
    with pytest.raises(TooCostly):
        await world.ids("Observation?_filter=not (patient.gender eq male)")


async def test_search_that_takes_too_long_is_refused(world: World) -> None:
    await world.store(named(f"p{n}", name=[{"family": "a" * 1_000}]) for n in range(500))
    finder = Finder(world.storage.database, time_limit_ms=1)
    query = world.request("Patient?name:contains=ab&_sort=family,given").query
    with pytest.raises(TooCostly):
        await asyncio.gather(*(finder.page(query, EVERYTHING) for _ in range(50)))


def measured(number: int) -> Resource:
    month = f"2020-{number % 12 + 1:02}"
    return observation(
        id=f"o{number:05}",
        status="final" if number % 10 else "preliminary",
        code={"coding": [{"system": "http://loinc.org", "code": f"c{number % 7}"}]},
        subject={"reference": f"Patient/p{number % 50}"},
        encounter={"reference": f"Encounter/e{number % 100}"},
        effectiveDateTime=f"{month}-{number % 28 + 1:02}T10:00:00Z",
        valueQuantity={"value": number % 90, "system": "http://unitsofmeasure.org", "code": "kg"},
        component=[{"code": {"coding": [{"code": "k"}]}, "valueQuantity": {"value": number % 30}}],
    )


SORTED_BY_INDEX = [
    "Observation?patient=p3&code=http://loinc.org|c3&_sort=-date&_count=3",
    "Observation?patient=p3&_sort=-date&_count=3",
    "Observation?patient=p3&_sort=date&_count=3",
    "Observation?subject=Patient/p3&_sort=-date&_count=3",
    "Observation?subject:Patient=p3&code=c3&_sort=-date&_count=3",
    "Observation?subject:Patient.name=fam7&_sort=-date&_count=3",
    "Observation?code=c3&_count=3",
    "Observation?code=c3&date=ge2020-03&date=lt2020-05&_sort=-date&_count=3",
    "Observation?date=ge2020-03&date=lt2020-05&_count=3",
    "Observation?code=c3&value-quantity=gt50&_count=3",
    "Observation?code=c3&value-quantity=gt50|http://unitsofmeasure.org|kg&_count=3",
    "Observation?value-quantity=gt80&_count=3",
    "Observation?encounter=e3&_count=3",
    "Observation?_sort=-_lastUpdated&_count=3",
    "Observation?_count=3",
    "Patient?_sort=birthdate&_count=3",
]
SERVED_BY_INDEX = [
    "Observation?code=c3&date=ge2020-03&date=lt2020-05&_sort=date&_count=3",
    "Observation?status=preliminary",
    "Observation?status:not=final",
    "Observation?code:text=x",
    "Observation?component-code-value-quantity=k$gt25",
    "Observation?combo-code=c3",
    "Observation?_lastUpdated=gt2025",
    "Observation?patient.name=fam7",
    "Observation?encounter:missing=true",
    "Patient?identifier=urn:x|7",
    "Patient?name=fam7",
    "Patient?family:exact=Fam7",
    "Patient?family:contains=am7",
    "Patient?_has:Observation:patient:code=c3",
    "Patient?_sort=family",
]


@pytest.fixture(scope="module")
async def filled(found_world: World) -> World:
    await empty(found_world)
    await found_world.store(measured(number) for number in range(2_000))
    await found_world.store(
        named(
            f"p{n}",
            name=[{"family": f"Fam{n}"}],
            identifier=[{"system": "urn:x", "value": str(n)}],
            birthDate=f"19{n:02}-01-01",
            **({} if n % 5 == 0 else {"gender": "male" if n % 3 else "female"}),
        )
        for n in range(50)
    )
    return found_world


def stages(plan: Any) -> Iterator[str]:
    """Yield the names of all stages in an explained plan."""
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"]
        for part in plan.values():
            yield from stages(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from stages(part)


async def winning_stages(world: World, listener: Commands, url: str) -> set[str]:
    """Return the stages of all commands that answer and count a search."""
    request = world.request(url)
    listener.seen.clear()
    await world.storage.finder.page(request.query, EVERYTHING)
    await world.storage.finder.page_and_count(replace(request.query, count=1), EVERYTHING, cap=1_001)
    plans = await explained(world, list(listener.seen))
    return {stage for plan in plans for stage in stages(plan["queryPlanner"]["winningPlan"])}


async def explained(world: World, commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how the database carries out some commands."""
    # The end of an open range is told as a time that Python has no type for.
    options = CodecOptions[dict[str, Any]](datetime_conversion=DatetimeConversion.DATETIME_AUTO)
    found: list[dict[str, Any]] = []
    for command in commands:
        plain = {
            name: value
            for name, value in command.items()
            if not name.startswith("$") and name not in ("lsid", "maxTimeMS", "txnNumber")
        }
        explain = {"explain": plain, "verbosity": "executionStats"}
        answer = await world.storage.database.command(explain, codec_options=options)
        found.append(answer["stages"][0]["$cursor"] if "stages" in answer else answer)
    return found


@pytest.mark.parametrize("url", SORTED_BY_INDEX)
async def test_documented_search_is_read_in_the_order_of_an_index(filled: World, listener: Commands, url: str) -> None:
    found = await winning_stages(filled, listener, url)
    assert "IXSCAN" in found
    assert not found & {"COLLSCAN", "SORT"}


async def test_alternatives_that_find_much_are_read_in_the_order_of_ids(filled: World, listener: Commands) -> None:
    """To sort what the branches find would read all of it: 133 documents."""
    listener.seen.clear()
    await filled.page("Observation?combo-code-value-quantity=k$ge28&_count=3")
    (found,) = await explained(filled, list(listener.seen))
    assert found["executionStats"]["totalDocsExamined"] < 70
    assert "SORT" not in set(stages(found["queryPlanner"]["winningPlan"]))


async def test_date_range_does_not_keep_the_database_from_beginning_with_what_is_rare(
    filled: World, listener: Commands
) -> None:
    listener.seen.clear()
    await filled.page("Patient?family=fam17&gender=male&birthdate=ge1900")
    (found,) = await explained(filled, list(listener.seen))
    assert found["executionStats"]["totalDocsExamined"] <= 1


@pytest.mark.parametrize("url", SERVED_BY_INDEX)
async def test_documented_search_never_scans_the_collection(filled: World, listener: Commands, url: str) -> None:
    found = await winning_stages(filled, listener, url)
    assert "IXSCAN" in found
    assert "COLLSCAN" not in found


CHAINS = [
    "Observation?patient.gender=male&_count=7",
    "Observation?patient.gender=male&code=c3&_sort=-date&_count=20",
    "Observation?subject.gender=male&_sort=status,_id&_count=50",
    "Observation?subject:Patient.name=fam1&_count=50",
    "Observation?patient.gender=male&patient.birthdate=lt1920&_count=30",
    "Observation?patient.gender:missing=true",
    "Patient?_has:Observation:patient:code=c3&_count=9",
    "Patient?_has:Observation:patient:code=c3&_sort=-birthdate&_count=9",
    "Patient?_has:Observation:subject:status=preliminary&gender=male&_count=4",
    "Patient?_has:Observation:patient:patient.name=fam7",
    "Patient?_filter=not (_has:Observation:patient:code eq c3)",
    "Patient?_filter=not (_has:Observation:patient:code eq c3) and gender eq male",
    "Observation?_filter=patient.gender eq male or code eq c3",
    "Observation?_filter=not (patient.gender eq male or code eq c3)",
    "Observation?patient.gender:not=male&_count=9",
    "Observation?_filter=not (patient.gender ne male) and status eq preliminary",
    "?_type=Patient&_has:Observation:patient:code=c3&_count=9",
]


@pytest.mark.parametrize("url", CHAINS)
async def test_steps_put_to_candidates_find_the_same_as_steps_done_first(
    filled: World, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    expected = await walk(filled, url)
    total = sum(map(len, expected))
    query = filled.request(url).query
    monkeypatch.setattr("fhir_server.storage.find.finder._FIRST_CANDIDATES", 3)
    for few, patience, values in ((0, 10**6, 10**4), (0, 10, 10**4), (0, 10, 1)):
        monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", few)
        monkeypatch.setattr("fhir_server.storage.find.lookups.MOST_VALUES", values)
        monkeypatch.setattr("fhir_server.storage.find.finder.PATIENCE", patience)
        assert await walk(filled, url) == expected
        assert await filled.storage.finder.count(query, EVERYTHING) == total


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("Observation?patient.gender=male&_count=5", "Patient"),
        ("Patient?_has:Observation:patient:status=final&_count=5", "Observation"),
    ],
)
async def test_step_that_finds_much_is_put_to_a_few_candidates(
    filled: World, listener: Commands, monkeypatch: pytest.MonkeyPatch, url: str, asked: str
) -> None:
    monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", 10)
    monkeypatch.setattr("fhir_server.storage.find.lookups.GLANCE", 5)
    request = filled.request(url)
    listener.seen.clear()
    assert len((await filled.storage.finder.page(request.query, EVERYTHING)).versions) == 5
    commands = [command for command in listener.seen if asked in command.values()]
    glance, count, *later = commands
    assert glance["limit"] == 5
    assert (count["count"], count["limit"]) == (asked, 11)
    assert all("$in" in str(command) for command in later)
    assert len(listener.seen) == (5 if asked == "Patient" else 4)  # may Observations contain such a Patient?
    assert (await filled.storage.finder.page_and_count(request.query, EVERYTHING, cap=1_001))[1] is None


async def test_page_and_count_share_what_a_chain_finds(filled: World, listener: Commands) -> None:
    query = filled.request("Observation?patient.name=fam7&_count=3").query
    listener.seen.clear()
    page, total = await filled.storage.finder.page_and_count(query, EVERYTHING, cap=1_001)
    assert (len(page.versions), total) == (3, 40)
    first, *others = [command.get("find") for command in listener.seen]
    # The second one looks for Observations that contain such a Patient.
    assert (first, others) == ("Patient", ["Observation", "Observation", None])


async def test_total_of_hits_on_one_page_is_not_counted(filled: World, listener: Commands) -> None:
    query = filled.request("Observation?patient=p7&_sort=-date&_count=50").query
    listener.seen.clear()
    page, total = await filled.storage.finder.page_and_count(query, EVERYTHING)
    assert (len(page.versions), total) == (40, 40)
    assert len(listener.seen) == 1


NESTED = [
    "Patient?_has:Observation:patient:patient.gender=male&_count=50",
    "Observation?encounter.patient.gender=male&_count=50",
    "Observation?encounter.patient.gender=male&patient.name=fam&_count=50",
]


@pytest.mark.parametrize("url", NESTED)
async def test_steps_inside_of_steps_may_find_more_than_one_step_may_hold(
    filled: World, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    await filled.store(
        {
            "resourceType": "Encounter",
            "id": f"e{number}",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/p{number % 50}"},
        }
        for number in range(100)
    )
    expected = await walk(filled, url)
    assert sum(map(len, expected)) > 20
    for few, values, patience in ((0, 10_000, 10**6), (0, 10_000, 10), (0, 3, 10)):
        monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", few)
        monkeypatch.setattr("fhir_server.storage.find.lookups.MOST_VALUES", values)
        monkeypatch.setattr("fhir_server.storage.find.finder.PATIENCE", patience)
        assert await walk(filled, url) == expected
        assert await filled.storage.finder.count(filled.request(url).query, EVERYTHING) == sum(map(len, expected))
    await filled.storage.database["Encounter"].delete_many({})


async def test_few_that_a_step_finds_must_pass_its_own_steps(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled.store(
        {
            "resourceType": "Encounter",
            "id": f"e{number}",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": f"Patient/p{number}"},
        }
        for number in (3, 4)
    )
    monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", 20)
    for id_, hits in (("e3", 0), ("e4", 20)):  # of a woman and of a man: more than 20 Patients are men
        found = await filled.ids(f"Observation?_filter=encounter[_id eq {id_}].patient.gender eq male")
        assert len(found) == hits
    await filled.storage.database["Encounter"].delete_many({})


@pytest.mark.parametrize(
    "url",
    [
        "Observation?date=ge2020-09-01&date=lt2020-10-01&_sort=-date&_count=20",
        "Observation?date=ge2020-09-01&date=le2020-09-30&_sort=date&_count=20",
        "Observation?date=gt2020-08-31&date=le2020-09-30&code=c3&_count=5",
        "Observation?date=ge2020-08-01&date=lt2020-09-01&patient=p3&_count=1",
    ],
)
async def test_date_range_is_counted_by_the_keys_between_its_bounds(
    filled: World, listener: Commands, url: str
) -> None:
    """A month begins 167 of 2,000 Observations, so does the month before."""
    listener.seen.clear()
    _, total = await filled.storage.finder.page_and_count(filled.request(url).query, EVERYTHING, cap=1_001)
    _, *counts = [one["executionStats"] for one in await explained(filled, list(listener.seen))]
    assert sum(one["executionStages"]["nCounted"] for one in counts) == total != 0
    assert sum(one["totalDocsExamined"] for one in counts) == 0
    assert sum(one["totalKeysExamined"] for one in counts) < 2 * 167 + 20


@pytest.mark.parametrize("sort", ["-date", "date"])
async def test_later_page_of_a_date_range_begins_where_the_one_before_ended(
    filled: World, listener: Commands, sort: str
) -> None:
    """The search has 847 hits; from either end the eighth page is 700 hits away."""
    request = filled.request(f"Observation?date=ge2020-03-01&date=lt2020-08-01&_sort={sort}&_count=100")
    position: Position | None = None
    for _ in range(7):
        position = (await filled.storage.finder.page(_at(request.query, position), EVERYTHING)).next
    listener.seen.clear()
    page = await filled.storage.finder.page(replace(_at(request.query, position), count=5), EVERYTHING)
    (found, *_) = await explained(filled, list(listener.seen))
    assert len(page.versions) == 5
    assert found["executionStats"]["totalKeysExamined"] < 167 + 30


async def test_access_rule_holds_for_steps_put_to_candidates(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.storage.find.lookups.FEW", 0)
    secret = {"security": [{"system": "urn:s", "code": "secret"}]}
    await world.store([named("hidden", gender="male", meta=secret), named("open", gender="male")])
    await world.store(
        [
            observation(id="of-hidden", subject={"reference": "Patient/hidden"}),
            observation(id="of-open", subject={"reference": "Patient/open"}, meta=secret),
        ]
    )
    assert await world.ids("Observation?patient.gender=male") == ["of-open", "of-hidden"]
    assert await world.ids("Observation?patient.gender=male", HIDDEN) == []
    assert await world.ids("Patient?_has:Observation:patient:status=final", HIDDEN) == []


MAIN_TYPES = ("Patient", "Observation", "Encounter", "MedicationRequest", "Appointment", "Claim", "Invoice")
PLAIN = {
    "date": "2020-03",
    "number": "5",
    "quantity": "5|http://unitsofmeasure.org|kg",
    "reference": "{target}/x",
    "string": "text",
    "token": "urn:s|code",
    "uri": "http://x.test/a",
}


def plain_value(parameter: Parameter) -> str:
    """Return a value as the parameter takes it; each part of a composite's."""
    if parameter.parts:
        return "$".join(plain_value(part) for part in parameter.parts)
    return PLAIN[parameter.kind].format(target=next(iter(parameter.field.targets), ""))


@pytest.mark.parametrize("type_", MAIN_TYPES)
async def test_every_parameter_is_served_from_an_index(found_world: World, listener: Commands, type_: str) -> None:
    await found_world.storage.schema.ensure([type_])
    scanning = []
    for code, parameter in registry(definitions())[type_].items():
        url = f"{type_}?{code}={plain_value(parameter)}"
        found = await winning_stages(found_world, listener, url)
        if "COLLSCAN" in found or not found & {"IXSCAN", "IDHACK", "EOF"}:
            scanning.append(url)
    assert scanning == []


@pytest.mark.parametrize(
    "url",
    [
        "Patient?family=$where,{$gt: 1}&given=$ne",
        "Patient?identifier=$ne|$gt&_tag=$in",
        "Patient?_id=$ne,{$gt:''}",
        "Patient?name:contains=(a+)+$",
        "Patient?organization=$ref/1,http://x/$where",
        'Patient?_filter=family co "$where" or identifier eq $ne',
        "Observation?patient.name=$where&code:text=$regex",
        "Patient?_has:Observation:patient:code=$where",
    ],
)
async def test_no_operator_of_a_client_reaches_the_database(filled: World, listener: Commands, url: str) -> None:
    """Whatever stands in a value arrives as text; the operators are those that this server writes."""
    listener.seen.clear()
    await filled.ids(url)
    own = {"$and", "$or", "$nor", "$in", "$nin", "$gte", "$gt", "$lt", "$lte", "$elemMatch", "$exists", "$regex", "$eq"}
    for command in listener.seen:
        filter_ = command.get("filter") or command.get("query") or command["pipeline"][0]["$match"]
        assert set(operators(filter_)) <= own


def operators(part: Any) -> Iterator[str]:
    """Yield the names in a filter that the database takes for operators."""
    if isinstance(part, dict):
        yield from (name for name in part if name.startswith("$"))
        for value in part.values():
            yield from operators(value)
    elif isinstance(part, list):
        for value in part:
            yield from operators(value)
