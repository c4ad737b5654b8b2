"""Searches that share a find: each has the same answer as alone, whatever the others ask, may see, or break."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import monitoring

from fhir_server.kernel.errors import FhirError
from fhir_server.kernel.query import EVERYTHING, Access, Page
from fhir_server.storage.find import Finder
from tests.make import observation
from tests.search.world import BASE, World, empty, opened_world

Asked = tuple[str, Access]
HIDDEN = Access(
    filter={"security": {"$ne": "urn:s|secret"}}, allows=lambda _c, security: "urn:s|secret" not in security
)
BROKEN = Access(filter={"security": {"$in": "no list"}}, allows=lambda _c, _s: True)


class Finds(monitoring.CommandListener):
    """The finds that reached the server."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name == "find":
            self.seen.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture(scope="module")
def finds() -> Finds:
    listener = Finds()
    monitoring.register(listener)
    return listener


@pytest.fixture(scope="module")
async def world(mongo_uri: str, database_name: str, finds: Finds) -> AsyncIterator[World]:
    async with opened_world(mongo_uri, f"{database_name}_together") as world:
        await empty(world)
        await world.store(measured(number) for number in range(240))
        yield world


def measured(number: int) -> dict[str, Any]:
    base = f"{BASE}/" if number % 4 == 0 else ""
    secret = {"meta": {"security": [{"system": "urn:s", "code": "secret"}]}} if number % 5 == 0 else {}
    date = {"effectiveDateTime": f"2020-{number % 12 + 1:02}"} if number % 7 else {}
    return observation(
        id=f"o{number * 37 % 240:03}",
        code={"coding": [{"system": "urn:c", "code": f"c{number % 3}"}, {"code": "every"}]},
        subject={"reference": f"{base}Patient/p{number % 6}"},
        encounter={"reference": f"Encounter/e{number % 20}"},
        **date,
        **secret,
    )


@st.composite
def searches(draw: st.DrawFn) -> Asked:
    patient = st.builds("patient=p{}".format, st.integers(0, 6))
    subject = st.builds("subject=Patient/p{}".format, st.integers(0, 5))
    encounter = st.one_of(st.builds("encounter=e{}".format, st.integers(0, 20)), st.just("encounter=e1,e2,e3,e4,e5,e6"))
    code = st.sampled_from(
        ["code=c1", "code=urn:c|c2,c0", "code=every", "code=urn:c|", "status=final", "date=ge2020-06"]
    )
    links = draw(st.lists(st.one_of(patient, subject, encounter), max_size=2))
    sort = draw(st.sampled_from(["", "&_sort=-date", "&_sort=date", "&_sort=_id", "&_sort=-_id", "&_sort=status"]))
    criteria = "&".join([*links, *draw(st.lists(code, max_size=2))])
    count = draw(st.integers(1, 12))
    return f"Observation?{criteria}{sort}&_count={count}", draw(st.sampled_from([EVERYTHING, EVERYTHING, HIDDEN]))


async def answer(world: World, finder: Finder, asked: Asked) -> tuple[Page, int | None]:
    url, access = asked
    return await finder.page_and_count(world.request(url).query, access, cap=1_001)


async def answers(world: World, finder: Finder, asked: Sequence[Asked]) -> Sequence[tuple[Page, int | None]]:
    """Return the answers to searches that come at the same moment."""
    return await asyncio.gather(*(answer(world, finder, one) for one in asked))


def finder_of(world: World) -> Finder:
    """Return one that knows nothing of earlier searches."""
    return Finder(world.storage.database, time_limit_ms=10_000)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=st.lists(searches(), min_size=2, max_size=20))
async def test_searches_together_find_what_each_finds_alone(world: World, asked: list[Asked]) -> None:
    finder = finder_of(world)
    alone = [await answer(world, finder, one) for one in asked]
    assert await answers(world, finder_of(world), asked) == alone


RECORDS: Sequence[Asked] = [
    (f"Observation?patient=p{number}&code=every&_sort=-date", EVERYTHING) for number in range(6)
]
"""Each finds 40 of 240 Observations."""


async def test_searches_of_records_share_a_find(world: World, finds: Finds) -> None:
    finds.seen.clear()
    await answers(world, finder_of(world), RECORDS)
    (find,) = finds.seen
    links, code = find["filter"]["$and"]
    patients = sorted(f"{base}Patient/p{number}" for base in ("", f"{BASE}/") for number in range(6))
    assert links == {"index.patient": {"$in": patients}}
    assert code == {"index.code": {"$in": [" every", "~every"]}}


async def test_searches_that_differ_in_more_than_the_record_are_branches_of_a_find(world: World, finds: Finds) -> None:
    asked = [(f"Observation?patient=p{number}&code=c{number % 2}", EVERYTHING) for number in range(6)]
    finds.seen.clear()
    await answers(world, finder_of(world), asked)
    assert [len(find["filter"]["$or"]) for find in finds.seen] == [2]


@pytest.mark.parametrize(
    ("others", "projected"),
    [
        (["patient=p2&code=c2"], [False]),
        (["patient=p1&code=c1"], [False]),  # twice the same
        (["patient=p1&code=c0"], [True]),
        (["patient=p1,p2&code=c0"], [True]),
        (["encounter=Encounter/e1&code=c0"], [False, True]),  # only the documents show that it is the same record
    ],
)
async def test_what_searches_ask_besides_is_read_only_where_it_tells_them_apart(
    world: World, finds: Finds, others: list[str], projected: list[bool]
) -> None:
    asked = [(f"Observation?{one}", EVERYTHING) for one in ("patient=p1&code=c1", *others)]
    alone = [await answer(world, finder_of(world), one) for one in asked]
    finds.seen.clear()
    assert await answers(world, finder_of(world), asked) == alone
    assert ["index.code" in find["projection"] for find in finds.seen] == projected


@pytest.mark.parametrize(("most", "commands"), [(38, 7), (40, 7), (41, 1)])
async def test_find_that_brings_too_much_is_done_anew_for_each(
    world: World, finds: Finds, monkeypatch: pytest.MonkeyPatch, most: int, commands: int
) -> None:
    finder = finder_of(world)
    alone = [await answer(world, finder, one) for one in RECORDS]
    monkeypatch.setattr("fhir_server.storage.find.together.MOST_EACH", most)
    finds.seen.clear()
    assert await answers(world, finder, RECORDS) == alone
    assert len(finds.seen) == commands


async def test_searches_that_usually_bring_more_than_a_page_go_alone(world: World, finds: Finds) -> None:
    asked = [(f"Observation?patient=p{number}&_count=5&_sort=-date", EVERYTHING) for number in range(6)]
    finder = finder_of(world)
    for _ in range(10):
        await answers(world, finder, asked)
    finds.seen.clear()
    await answers(world, finder, asked)
    assert len(finds.seen) == 6
    assert all("$or" not in find["filter"] for find in finds.seen)


async def test_error_of_one_search_does_not_reach_the_others(world: World) -> None:
    finder = finder_of(world)
    alone = [await answer(world, finder, one) for one in RECORDS]
    asked = [(RECORDS[0][0], BROKEN), *RECORDS]
    first, *others = await asyncio.gather(*(answer(world, finder, one) for one in asked), return_exceptions=True)
    assert isinstance(first, FhirError)
    assert others == alone


async def test_access_rules_of_searches_that_share_a_find_stay_apart(world: World, finds: Finds) -> None:
    finder = finder_of(world)
    asked = [(RECORDS[0][0], EVERYTHING), (RECORDS[0][0], HIDDEN)]
    alone = [await answer(world, finder, one) for one in asked]
    assert [total for _, total in alone] == [40, 32]
    finds.seen.clear()
    assert await answers(world, finder, asked) == alone
    assert len(finds.seen) == 1
    assert "urn:s|secret" in str(finds.seen[0]["filter"]["$or"][1])


async def test_lone_search_is_a_find_of_its_own(world: World, finds: Finds) -> None:
    query = world.request(RECORDS[0][0]).query
    finds.seen.clear()
    await finder_of(world).page(query, EVERYTHING)
    assert [find["limit"] for find in finds.seen] == [query.count + 1]


async def test_searches_that_come_while_a_find_takes_long_leave_alone(
    world: World, finds: Finds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhir_server.storage.find.together._PATIENCE_S", -1.0)
    finder = finder_of(world)
    finds.seen.clear()
    first = asyncio.ensure_future(answer(world, finder, RECORDS[0]))
    for _ in range(10_000):  # until the find is on its way
        if not finds.seen:
            await asyncio.sleep(0)
    finds.seen.clear()
    others = await answers(world, finder, RECORDS[1:])
    assert [(len(page.versions), total) for page, total in [await first, *others]] == [(40, 40)] * 6
    assert len(finds.seen) == 5
