"""The bridge's Sink and Lookup over the server's own interactions."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.bridge.store import Store
from fhir_server.http.metrics import build_metrics
from fhir_server.kernel.settings import Settings
from fhir_server.wiring import opened_env
from hl7_bridge.ports import Conflict, Question, Refused
from tests.make import bundle, entry, identified, patient

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    async with opened_env(settings, build_metrics()) as env:
        yield Store(env)


def by_identifier(value: str) -> Question:
    return Question("Patient", f"identifier=urn:test:ids|{value}")


async def make(store: Store, *values: str) -> None:
    new = (entry("POST", "Patient", patient(identifier=identified(value))) for value in values)
    await store.submit(bundle("transaction", *new))


async def test_messages_that_ask_at_the_same_moment_get_their_own_answers(store: Store) -> None:
    await make(store, "bs1", "bs2", "bs2")
    one, two, none = await asyncio.gather(
        store.find([by_identifier("bs1"), by_identifier("bs0")]),
        store.find([by_identifier("bs2"), by_identifier("bs1")]),
        store.find([]),
    )
    assert [len(found) for found in one] == [1, 0]
    assert [len(found) for found in two] == [2, 1]
    assert list(none) == []


async def test_criteria_that_nobody_understands_fail_their_own_message_alone(store: Store) -> None:
    await make(store, "be1")
    bad, good = await asyncio.gather(
        store.find([Question("Patient", "nonsense:x=1")]), store.find([by_identifier("be1")]), return_exceptions=True
    )
    assert isinstance(bad, Refused)
    assert not isinstance(good, BaseException)
    assert len(good[0]) == 1


async def test_a_crowded_identifier_does_not_hide_the_others(store: Store) -> None:
    await make(store, "bc1", *["bc2"] * 8)
    crowd, single = await store.find([by_identifier("bc2"), by_identifier("bc1")])
    assert len(crowd) >= 2
    assert len(single) == 1


async def test_everything_that_refers_to_a_resource_is_found_whatever_its_type(store: Store) -> None:
    full_url = "urn:uuid:00000000-0000-4000-8000-0000000000a1"
    to = {"reference": full_url}
    new: list[tuple[str, dict[str, Any]]] = [
        ("Observation", {"status": "final", "code": {"text": "x"}, "subject": to, "performer": [to]}),
        ("Account", {"status": "active", "subject": [to]}),
        ("Provenance", {"target": [to], "recorded": "2024-05-01T10:00:00Z", "agent": [{"who": to}]}),
    ]
    others = (entry("POST", type_, {"resourceType": type_, **elements}) for type_, elements in new)
    await store.submit(
        bundle("transaction", entry("POST", "Patient", patient(identifier=identified("br1")), full_url), *others)
    )
    [[one]] = await store.find([by_identifier("br1")])
    found = await store.referring(f"Patient/{one['id']}")
    assert sorted(other["resourceType"] for other in found) == ["Account", "Observation", "Provenance"]


async def test_later_events_are_told_for_each_of_several_questions(store: Store) -> None:
    def event(reference: str, moment: str) -> dict[str, Any]:
        about = {"target": [{"reference": reference}], "occurredDateTime": moment, "recorded": "2024-06-01T10:00:00Z"}
        return {"resourceType": "Provenance", **about, "agent": [{"who": {"display": "x"}}]}

    events = [event("Patient/bl1", "2024-05-01T10:00:00Z"), event("Patient/bl2", "2024-05-03")]
    await store.submit(bundle("transaction", *(entry("POST", "Provenance", one) for one in events)))
    both = ["Patient/bl1", "Patient/bl2"]
    answers = await asyncio.gather(
        *(store.later(both, moment) for moment in ("2024-04-30", "2024-05-01T10:00:00Z", "2024-05-03", "2024-05-02"))
    )
    assert [sorted(one) for one in answers] == [both, ["Patient/bl2"], [], ["Patient/bl2"]]


async def test_a_race_that_was_lost_is_a_conflict(store: Store) -> None:
    new = entry("PUT", "Patient/bconf", patient(id="bconf"), ifNoneMatch="*")
    await store.submit(bundle("transaction", new))
    with pytest.raises(Conflict):
        await store.submit(bundle("transaction", new))


async def test_what_breaks_a_rule_is_refused_with_its_place(store: Store) -> None:
    with pytest.raises(Refused) as caught:
        await store.submit(bundle("transaction", entry("POST", "Patient", patient(birthDate="soon"))))
    assert caught.value.issues[0][0].endswith("birthDate")


async def test_what_refers_to_a_resource_is_found_on_all_pages(settings: Settings) -> None:
    async with opened_env(replace(settings, max_page_size=2), build_metrics()) as env:
        store = Store(env)
        full_url = "urn:uuid:00000000-0000-4000-8000-0000000000a2"
        account = {"resourceType": "Account", "status": "active", "subject": [{"reference": full_url}]}
        many = (entry("POST", "Account", account) for _ in range(5))
        await store.submit(
            bundle("transaction", entry("POST", "Patient", patient(identifier=identified("bp1")), full_url), *many)
        )
        [[one]] = await store.find([by_identifier("bp1")])
        assert len(await store.referring(f"Patient/{one['id']}")) == 5
