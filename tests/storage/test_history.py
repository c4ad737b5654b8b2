"""History pages: newest first, complete, without doubles, across collections."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from conformance.load import definitions
from fhir_server.kernel.query import EVERYTHING, Access
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import Version
from fhir_server.search import Search
from fhir_server.storage import HistoryCursor, Storage, open_storage
from fhir_server.storage import history as history_module
from fhir_server.storage.history import HistoryPage
from tests.storage.make import START, creation, deletion, update


def names(versions: tuple[Version, ...]) -> list[str]:
    return [f"{version.id}{version.version}" for version in versions]


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
async def story(storage: Storage) -> Storage:
    """a1 b1 at 1 s, o1 at 1 s (Observation), a2 at 2 s, b2 (deleted) at 4 s, a3 at 6 s."""
    a1, b1, o1 = creation("a"), creation("b"), creation("o", type_="Observation")
    await storage.writer.commit([a1, b1, o1])
    a2 = update(a1.draft.version)
    await storage.writer.commit([a2])
    await storage.writer.commit([deletion(b1.draft.version, at(4))])
    await storage.writer.commit([update(a2.draft.version, updated=at(6))])
    return storage


async def test_everything_newest_first_and_ties_by_type_and_id(story: Storage) -> None:
    page = await story.history.page(None, access=EVERYTHING, count=50)
    assert names(page.versions) == ["a3", "b2", "a2", "o1", "a1", "b1"]
    assert (page.next, page.total) == (None, 6)
    assert page.versions[1].deleted


async def test_one_type_and_one_instance(story: Storage) -> None:
    patients = await story.history.page(["Patient"], access=EVERYTHING, count=50)
    assert names(patients.versions) == ["a3", "b2", "a2", "a1", "b1"]
    one = await story.history.page(["Patient"], id="b", access=EVERYTHING, count=50)
    assert (names(one.versions), one.total) == (["b2", "b1"], 2)


@pytest.mark.parametrize("types", [["Account"], []])
async def test_a_type_without_resources_has_an_empty_history(story: Storage, types: list[str]) -> None:
    page = await story.history.page(types, access=EVERYTHING, count=50)
    assert (page.versions, page.next, page.total) == ((), None, 0)


@pytest.mark.parametrize("types", [None, ["Patient", "Observation"]])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_pages_of_any_size_make_up_the_whole(story: Storage, types: list[str] | None, count: int) -> None:
    found: list[str] = []
    after: HistoryCursor | None = None
    for _ in range(10):
        page = await story.history.page(types, access=EVERYTHING, count=count, after=after)
        assert page.total == 6
        found += names(page.versions)
        if page.next is None:
            break
        after = HistoryCursor.from_text(page.next.to_text())
    assert found == ["a3", "b2", "a2", "o1", "a1", "b1"]


async def test_versions_of_one_instant_are_paged_without_loss(storage: Storage) -> None:
    await storage.writer.commit([creation(f"p{n}") for n in range(7)])
    await storage.writer.commit([creation(f"p{n}", type_="Observation") for n in range(7)])
    found: list[str] = []
    after = None
    while True:
        page = await storage.history.page(None, access=EVERYTHING, count=3, after=after)
        found += [version.reference for version in page.versions]
        if (after := page.next) is None:
            break
    assert found == [f"{type_}/p{n}" for type_ in ("Observation", "Patient") for n in range(7)]


async def test_since_is_inclusive(story: Storage) -> None:
    page = await story.history.page(None, since=at(2), access=EVERYTHING, count=50)
    assert (names(page.versions), page.total) == (["a3", "b2", "a2"], 3)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ((at(0), at(1)), []),
        ((at(1), at(2)), ["o1", "a1", "b1"]),
        ((at(2), at(3)), ["a2", "o1", "b1"]),
        ((at(3), at(4)), ["a2", "o1", "b1"]),
        ((at(3), at(7)), ["a3", "b2", "a2", "o1", "b1"]),
        ((at(9), at(10)), ["a3", "b2", "o1"]),
    ],
)
async def test_at_means_current_at_some_moment_of_the_time(
    story: Storage, moment: tuple[datetime, datetime], expected: list[str]
) -> None:
    page = await story.history.page(None, at=moment, access=EVERYTHING, count=50)
    assert names(page.versions) == expected


async def test_the_access_filter_hides_versions_and_their_count(storage: Storage) -> None:
    await storage.writer.commit([creation("a", compartments=("Patient/a",)), creation("b")])
    await storage.writer.commit([update(creation("a").draft.version)])
    mine = Access({"compartments": "Patient/a"}, lambda compartments, _security: "Patient/a" in compartments)
    page = await storage.history.page(None, access=mine, count=50)
    assert (page.versions, page.total) == ((), 0)


async def test_no_total_beyond_what_is_counted(story: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "TOTAL_CAP", 5)
    assert (await story.history.page(None, access=EVERYTHING, count=2)).total is None
    monkeypatch.setattr(history_module, "TOTAL_CAP", 6)
    assert (await story.history.page(None, access=EVERYTHING, count=2)).total == 6


async def test_while_updates_go_on_no_version_is_missed_or_doubled(storage: Storage) -> None:
    await storage.writer.commit([change := creation("a")])
    done = asyncio.Event()

    async def write() -> None:
        replaced = change.draft.version
        for _ in range(60):
            following = update(replaced)
            await storage.writer.commit([following])
            replaced = following.draft.version
        done.set()

    writing = asyncio.ensure_future(write())
    while not done.is_set():
        page = await storage.history.page(["Patient"], id="a", access=EVERYTHING, count=100)
        numbers = [version.version for version in page.versions]
        assert numbers == list(range(len(numbers), 0, -1))
    await writing


@pytest.mark.parametrize("text", ["", "x", "1~Patient~a", "1~Patient~a~-1", "999999999999999~Patient~a~1", "1~P~a b~1"])
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        HistoryCursor.from_text(text)


def test_a_cursor_survives_its_text() -> None:
    cursor = HistoryCursor(datetime(2026, 5, 1, 12, 0, 0, 123_000, tzinfo=UTC), "Patient", "a.b-c", 12)
    assert HistoryCursor.from_text(cursor.to_text()) == cursor


@pytest.fixture
async def indexed(storage_settings: Settings) -> AsyncIterator[Storage]:
    """A storage with the indexes of search and 300 patients: 100 were changed, 100 others deleted."""
    settings = replace(storage_settings, database=f"{storage_settings.database}_history")
    async with open_storage(settings, Search(definitions()).indexes) as storage:
        created = [creation(f"p{number}") for number in range(300)]
        await storage.writer.commit(created)
        await storage.writer.commit([update(one.draft.version) for one in created[:100]])
        await storage.writer.commit([deletion(one.draft.version) for one in created[100:200]])
        yield storage
        await storage.database.client.drop_database(settings.database)


@pytest.mark.parametrize("wanted", [{}, {"since": START}, {"at": (START, at(9))}])
async def test_no_more_is_read_than_a_page_of_each_kind_of_version(indexed: Storage, wanted: dict[str, Any]) -> None:
    async def page(after: HistoryCursor | None) -> HistoryPage:
        return await indexed.history.page(["Patient"], access=EVERYTHING, count=3, after=after, **wanted)

    first = await page(None)
    await indexed.database.command("profile", 2)
    second = await page(first.next)
    await indexed.database.command("profile", 0)
    found = indexed.database["system.profile"].find({"command.aggregate": "Patient", "hasSortStage": True})
    assert [version.id for version in second.versions] == ["p100", "p101", "p102"]
    (examined,) = [one["docsExamined"] for one in await found.to_list()]
    assert examined < 30
