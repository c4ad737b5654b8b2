"""Which resource an entry means, and under which id a new one is made, without a server."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from hl7_bridge.convert import Entry
from hl7_bridge.inbound.known import Known
from hl7_bridge.inbound.targets import Ambiguous, Search, renamed, targets
from hl7_bridge.inbound.workspace import Workspace
from hl7_bridge.ports import Question, Resource

pytestmark = pytest.mark.anyio


class Stored:
    """A FHIR server in the place of a real one: what it finds by criteria, and what it has by id."""

    def __init__(self, found: dict[str, list[Resource]], *taken: str) -> None:
        self._found = found
        self._taken = taken
        self.asked: list[str] = []

    async def find(self, questions: Sequence[Question]) -> Sequence[Sequence[Resource]]:
        self.asked += [one.criteria for one in questions]
        return [self._found.get(one.criteria, []) for one in questions]

    async def search(self, type_: str, criteria: str, limit: int) -> Sequence[Resource]:  # noqa: ARG002
        return self._found.get(criteria, [])[:limit]

    async def read(self, references: Collection[str]) -> dict[str, Resource]:
        return {one: {"resourceType": one.partition("/")[0]} for one in references if one in self._taken}

    async def referring(self, reference: str) -> Sequence[Resource]:  # noqa: ARG002
        return []

    async def later(self, references: Collection[str], moment: str) -> frozenset[str]:  # noqa: ARG002
        return frozenset()


def entry(url: str, key: str | None, type_: str = "Patient", intent: Any = "upsert") -> Entry:
    return Entry({"resourceType": type_}, f"urn:uuid:{url:0>8}-0000-4000-8000-000000000000", key, intent)


def search(stored: Stored, **how: bool) -> Search:
    return replace(Search(stored, Known(lambda: 0.0), by_id=True), **how)


async def requests(entries: Sequence[Entry], wanted: Search) -> list[dict[str, str]]:
    work = Workspace()
    await targets(entries, wanted, work)
    return [one["request"] for one in work.entries()]


async def test_a_new_resource_gets_the_id_that_follows_from_its_key() -> None:
    [first] = await requests([entry("1", "identifier=a|1")], search(Stored({})))
    [again] = await requests([entry("2", "identifier=a|1")], search(Stored({})))
    assert first == again
    assert (first["method"], first["ifNoneMatch"]) == ("PUT", "*")


async def test_after_a_collision_the_id_still_follows_from_the_key() -> None:
    """To let the store give an id while somebody else derives it would make two of one."""
    plain = await requests([entry("1", "identifier=a|1")], search(Stored({})))
    assert await requests([entry("1", "identifier=a|1")], search(Stored({}), wary=True)) == plain


async def test_an_id_that_is_taken_by_a_resource_of_another_key_is_left_to_the_store() -> None:
    [plain] = await requests([entry("1", "identifier=a|1")], search(Stored({})))
    [found] = await requests([entry("1", "identifier=a|1")], search(Stored({}, plain["url"]), wary=True))
    assert found == {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=a|1"}


async def test_a_store_that_gives_the_ids_is_asked_not_to_create_what_is_there() -> None:
    [found] = await requests([entry("1", "identifier=a|1")], search(Stored({}), by_id=False))
    assert found == {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=a|1"}


async def test_two_matches_are_ambiguous() -> None:
    stored = Stored({"identifier=a|1": [{"resourceType": "Patient", "id": one} for one in "xy"]})
    with pytest.raises(Ambiguous) as caught:
        await requests([entry("1", "identifier=a|1")], search(stored))
    assert caught.value.references == ("Patient/x", "Patient/y")


async def test_two_entries_of_one_key_are_one_resource() -> None:
    assert len(await requests([entry("1", "identifier=a|1"), entry("2", "identifier=a|1")], search(Stored({})))) == 1


async def test_a_key_that_names_another_entry_is_asked_for_when_that_one_is_known() -> None:
    patient = entry("1", "identifier=a|1")
    visit = entry("2", f"identifier=v|1&subject={patient.full_url}", "Encounter")
    stored = Stored({"identifier=a|1": [{"resourceType": "Patient", "id": "x"}]})
    await requests([visit, patient], search(stored))
    assert stored.asked == ["identifier=a|1", "identifier=v|1&subject=Patient/x"]


async def test_a_key_that_names_a_new_resource_finds_nothing_and_is_not_asked_for() -> None:
    patient = entry("1", "identifier=a|1")
    visit = entry("2", f"identifier=v|1&subject={patient.full_url}", "Encounter")
    stored = Stored({})
    assert len(await requests([visit, patient], search(stored))) == 2
    assert stored.asked == ["identifier=a|1"]


async def test_keys_that_name_each_other_end() -> None:
    one, other = entry("1", None), entry("2", None)
    ring = [replace(one, key=f"subject={other.full_url}"), replace(other, key=f"subject={one.full_url}")]
    assert len(await requests(ring, search(Stored({})))) == 2


async def test_a_survivor_stands_for_the_patient_that_was_merged_into_it() -> None:
    link = [{"type": "replaced-by", "other": {"reference": "Patient/new"}}]
    old, new = {"resourceType": "Patient", "id": "old", "link": link}, {"resourceType": "Patient", "id": "new"}
    [found] = await targets([entry("1", "k=1")], search(Stored({"k=1": [old, new]})), Workspace())
    assert found.reference == "Patient/new"


async def test_what_is_only_referred_to_is_asked_for_once_a_minute() -> None:
    stored = Stored({"identifier=a|1": [{"resourceType": "Location", "id": "x"}]})
    wanted = search(stored)
    for _ in range(2):
        [found] = await targets([entry("1", "identifier=a|1", "Location", "reference")], wanted, Workspace())
        assert found.reference == "Location/x"
    assert stored.asked == ["identifier=a|1"]


async def test_the_raw_message_is_not_asked_for_when_it_comes_for_the_first_time() -> None:
    stored = Stored({})
    raw = [entry("1", "identifier=m|1", "DocumentReference", "create")]
    await requests(raw, search(stored, fresh=True))
    assert stored.asked == []
    await requests(raw, search(stored))
    assert stored.asked == ["identifier=m|1"]


def test_references_are_renamed_wherever_they_stand_and_nothing_else_is_touched() -> None:
    resource = {"subject": {"reference": "a"}, "list": [{"x": {"reference": "b"}}, 1], "reference": "a", "text": "a"}
    assert renamed(resource, {"a": "A"}) == {**resource, "subject": {"reference": "A"}, "reference": "A"}
    assert renamed(resource, {"z": "Z"}) is resource


def header(url: str, sender: Entry) -> Entry:
    resource = {"resourceType": "MessageHeader", "sender": {"reference": sender.full_url}}
    return Entry(resource, f"urn:uuid:{url:0>8}-0000-4000-8000-000000000000", None, "create")


async def test_headers_that_say_the_same_are_one_whichever_message_they_came_with() -> None:
    clinic, again = (entry(url, "identifier=a|1", "Organization", "reference") for url in ("1", "2"))
    other = entry("3", "identifier=a|2", "Organization", "reference")
    first, second, third = [
        (await requests([header("9", one), one], search(Stored({}))))[1] for one in (clinic, again, other)
    ]
    assert first == second
    assert third["url"] not in (first["url"], clinic.full_url)
    assert first["ifNoneMatch"] == "*"


async def test_a_header_that_is_stored_is_referred_to_and_not_written() -> None:
    clinic = entry("1", "identifier=a|1", "Organization", "reference")
    [_, made] = await requests([clinic, header("9", clinic)], search(Stored({})))
    work = Workspace()
    found = await targets([clinic, header("9", clinic)], search(Stored({}, made["url"])), work)
    assert found[1].reference == made["url"]
    assert made["url"] not in work


async def test_a_header_that_was_found_a_moment_ago_is_not_asked_for() -> None:
    stored = Stored({})
    wanted = search(stored)
    [made] = await requests([header("9", entry("1", None))], wanted)
    wanted.known.put("MessageHeader", made["url"].partition("/")[2], made["url"])
    assert await requests([header("9", entry("1", None))], wanted) == []


async def test_where_the_store_gives_the_ids_each_message_leaves_a_header() -> None:
    [made] = await requests([header("9", entry("1", None))], search(Stored({}), by_id=False))
    assert made == {"method": "POST", "url": "MessageHeader"}
