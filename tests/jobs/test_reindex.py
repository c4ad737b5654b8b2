"""Indexing anew while others write by older rules, and search parameters that change in the midst of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fhir_server.http.metrics import build_metrics
from fhir_server.interactions.env import Env
from fhir_server.interactions.run import run
from fhir_server.jobs import background
from fhir_server.jobs.reindex import reindexed
from fhir_server.jobs.runner import work
from fhir_server.kernel.call import Address, Call, Conditions, Principal, Result
from fhir_server.kernel.errors import Conflict, FhirError, Forbidden, NotFound, PreconditionFailed
from fhir_server.kernel.fhir_json import decode
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import Resource
from fhir_server.storage import Job
from fhir_server.storage.reindexing import walk
from fhir_server.wiring import opened_env
from tests.make import bundle, entry, patient
from tests.operations.custom_parameters import extended, parameter

pytestmark = pytest.mark.anyio

BASE = "http://test/fhir"


@pytest.fixture
async def processes(mongo_uri: str, database_name: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Env]]:
    """Two processes over one database that never look by themselves what the other one does."""
    monkeypatch.setattr(background, "EVERY_S", 3_600)
    settings = Settings(mongo=mongo_uri, database=f"{database_name}_jobs", log_level="error")
    async with _env(settings) as one, _env(settings) as other:
        yield [one, other]
        await one.storage.database.client.drop_database(settings.database)


@asynccontextmanager
async def _env(settings: Settings) -> AsyncIterator[Env]:
    metrics = build_metrics()
    async with opened_env(settings, metrics) as env:
        yield env


async def create(env: Env, resource: Resource, if_none_exist: str | None = None) -> Result:
    address = Address("create", resource["resourceType"])
    conditions = Conditions(if_none_exist=if_none_exist)
    return await run(env, Call(address, BASE, method="POST", body=resource, conditions=conditions))


async def hits(env: Env, query: str, type_: str = "Patient") -> list[str]:
    name, _, value = query.partition("=")
    result = await run(env, Call(Address("search-type", type_), BASE, params=((name, value),)))
    entries: list[Any] = decode(result.body or b"").get("entry", [])
    return [entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == "match"]


def nicknamed(name: str) -> Resource:
    return patient(extension=extended("nickname", valueString=name))


async def test_a_process_that_has_missed_an_alteration_is_refused_and_writes_by_the_new_rules(
    processes: list[Env],
) -> None:
    one, stale = processes
    await create(stale, nicknamed("ann"))
    await create(one, parameter("nickname"))
    await create(stale, nicknamed("bo"))  # before the fence: indexed by the walk
    await one.storage.jobs.add(Job("job", one.clock()))
    await work(one.current, "one")
    assert 0 == stale.current.env.rules.generation
    await create(stale, nicknamed("cy"))
    assert 1 == stale.current.env.rules.generation
    for name in ("ann", "bo", "cy"):
        assert 1 == len(await hits(one, f"nickname={name}")), name


async def test_a_condition_in_a_process_that_has_missed_an_edit_is_judged_by_the_new_rules(
    processes: list[Env],
) -> None:
    one, stale = processes
    made = decode((await create(one, parameter("nickname"))).body or b"")
    await reindexed_by(one)
    await stale.current.refresh()
    edited = {**made, "expression": "Patient.name.text"}
    address = Address("update", "SearchParameter", made["id"])
    await run(one, Call(address, BASE, method="PUT", body=edited))
    with pytest.raises(PreconditionFailed):
        await create(stale, nicknamed("ann"), "nickname=ann")


async def test_two_processes_cannot_give_one_name_to_two_parameters(processes: list[Env]) -> None:
    one, stale = processes
    await create(one, parameter("nickname"))
    with pytest.raises(Exception, match="already: SearchParameter/"):
        await create(stale, parameter("nickname", url="urn:other"))


async def reindexed_by(env: Env) -> list[Job]:
    """Index anew; return how far the job said it was, each time."""
    seen: list[Job] = []

    async def keep(job: Job) -> None:
        seen.append(job)

    await reindexed(Job("job", env.clock()), env.current, keep)
    return seen


async def test_what_is_defined_while_a_job_runs_is_walked_by_the_same_job(processes: list[Env]) -> None:
    one, other = processes
    await create(
        one, patient(extension=[*extended("nickname", valueString="ann"), *extended("pet", valueString="rex")])
    )
    await create(one, parameter("nickname"))
    defined = False

    async def keep(_job: Job) -> None:
        nonlocal defined
        if not defined:
            defined = True
            await create(other, parameter("pet"))

    await reindexed(Job("job", one.clock()), one.current, keep)
    assert () == one.current.env.search.in_force.pending
    assert 1 == len(await hits(one, "nickname=ann")) == len(await hits(one, "pet=rex"))


async def test_a_job_counts_what_it_walks_and_a_second_one_finds_nothing_to_do(processes: list[Env]) -> None:
    one, _ = processes
    for name in ("ann", "bo", "cy"):
        await create(one, nicknamed(name))
    await create(one, parameter("nickname"))
    assert (3, 3) == [(job.done, job.total) for job in await reindexed_by(one)][-1]
    assert [] == await reindexed_by(one)


async def test_an_active_one_from_a_release_that_did_not_know_them_is_indexed_too(processes: list[Env]) -> None:
    one, _ = processes
    await create(one, nicknamed("ann"))
    await create(one, parameter("nickname"))
    await one.storage.database["rules"].delete_many({})
    one.storage.rules.known = 0
    await one.current.refresh()
    assert 0 == one.current.env.rules.generation
    await reindexed_by(one)
    assert 1 == len(await hits(one, "nickname=ann"))


async def test_the_values_of_a_parameter_that_was_taken_back_are_removed(processes: list[Env]) -> None:
    one, _ = processes
    made = decode((await create(one, parameter("nickname"))).body or b"")
    await create(one, nicknamed("ann"))
    await reindexed_by(one)
    stored = one.storage.database["Patient"]
    assert 1 == await stored.count_documents({"index.rare": {"$exists": True}})
    await run(one, Call(Address("delete", "SearchParameter", made["id"]), BASE, method="DELETE"))
    await reindexed_by(one)
    document = await stored.find_one({})
    assert document is not None
    assert not [name for name in document["index"].get("rare", {}) if "~" in name]


async def test_a_job_that_cannot_be_done_says_so_and_the_next_one_is_done(processes: list[Env]) -> None:
    one, _ = processes
    await one.storage.database.create_collection("Slot", viewOn="Patient", pipeline=[])  # no fence can stand there
    await create(one, parameter("start-day", base=["Slot"], type="date", expression="Slot.start"))
    await create(one, nicknamed("ann"))
    await create(one, parameter("nickname"))
    await one.storage.jobs.add(Job("bad", one.clock(), ("Slot",)))
    await one.storage.jobs.add(Job("good", one.clock(), ("Patient",)))
    await work(one.current, "one")
    bad, good = await one.storage.jobs.get("bad"), await one.storage.jobs.get("good")
    assert bad is not None
    assert good is not None
    assert ("failed", "done") == (bad.state, good.state)
    told = Call(Address("operation", operation="reindex-status"), BASE, params=(("job", "bad"),))
    with pytest.raises(FhirError, match="indexing anew failed: the database refused") as caught:
        await run(one, told)
    assert 500 == caught.value.status


async def test_writers_go_on_while_a_fence_waits_and_a_process_that_ends_gives_its_job_back(
    processes: list[Env],
) -> None:
    one, other = processes
    await create(one, nicknamed("ann"))
    await create(one, parameter("nickname"))
    await one.storage.jobs.add(Job("job", one.clock()))
    patients = one.storage.database["Patient"]
    async with one.storage.database.client.start_session() as session, await session.start_transaction():
        await patients.insert_one({"_id": "long"}, session=session)  # as long as this is open no fence can be set
        working = asyncio.create_task(work(one.current, "one"))
        for name in ("bo", "cy", "di"):
            assert 201 == (await create(other, nicknamed(name))).status
            await asyncio.sleep(0.1)
        assert await other.storage.jobs.claim("other") is None
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert await other.storage.jobs.claim("other") is not None
        await session.abort_transaction()


async def test_a_job_that_was_interrupted_goes_on_behind_the_last_resource_that_it_noted(processes: list[Env]) -> None:
    one, _ = processes
    for name in ("ann", "bo", "cy"):
        await create(one, nicknamed(name))
    await create(one, parameter("nickname"))
    first, *_others = [found["_id"] async for found in one.storage.database["Patient"].find(sort=[("_id", 1)])]
    seen: list[Job] = []

    async def keep(job: Job) -> None:
        seen.append(job)

    interrupted = Job("job", one.clock(), generation=1, at="Patient", after=first, done=1, total=3)
    await reindexed(interrupted, one.current, keep)
    assert (3, 3) == (seen[-1].done, seen[-1].total)
    assert {"bo", "cy"} == {name for name in ("ann", "bo", "cy") if await hits(one, f"nickname={name}")}


async def status_of(env: Env, job: str, method: str = "GET", principal: Principal | None = None) -> Result:
    """Return what the status URL of a job answers."""
    address = Address("operation", operation="reindex-status")
    return await run(env, Call(address, BASE, principal or Principal(), method, params=(("job", job),)))


async def test_a_cancelled_job_stops_in_the_process_that_has_it_and_what_is_indexed_stays(
    processes: list[Env], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = processes
    many = bundle("transaction", *(entry("POST", "Patient", nicknamed("ann")) for _ in range(200)))
    await run(one, Call(Address("transaction"), BASE, method="POST", body=many))
    await create(one, parameter("nickname"))
    await one.storage.jobs.add(Job("job", one.clock()))
    monkeypatch.setattr(walk, "BATCH", 1)
    working = asyncio.create_task(work(one.current, "one"))
    while (await status_of(other, "job")).headers["x-progress"].startswith(("waits", "0 %: 0")):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert 202 == (await status_of(other, "job", "DELETE")).status
    await asyncio.wait_for(working, 10)
    indexed = await one.storage.database["Patient"].count_documents({"generation": 1})
    assert 0 < indexed < 200
    with pytest.raises(NotFound, match="the job job was cancelled"):
        await status_of(one, "job")
    assert 1 == len(one.current.env.search.in_force.pending)
    monkeypatch.undo()
    await reindexed_by(one)
    assert not one.current.env.search.in_force.pending
    assert 200 == await one.storage.database["Patient"].count_documents({"generation": 1})


async def test_a_job_that_waits_for_its_fence_is_cancelled_and_writers_never_notice(processes: list[Env]) -> None:
    one, other = processes
    await create(one, nicknamed("ann"))
    await create(one, parameter("nickname"))
    await one.storage.jobs.add(Job("job", one.clock()))
    async with one.storage.database.client.start_session() as session, await session.start_transaction():
        await one.storage.database["Patient"].insert_one({"_id": "long"}, session=session)  # no fence can be set
        working = asyncio.create_task(work(one.current, "one"))
        await asyncio.sleep(0.5)
        await status_of(other, "job", "DELETE")
        await asyncio.wait_for(working, 10)
        assert 201 == (await create(other, nicknamed("bo"))).status
        await session.abort_transaction()


async def test_a_job_that_waits_is_cancelled_and_the_one_behind_it_is_done(processes: list[Env]) -> None:
    one, _ = processes
    for id_ in ("first", "second"):
        await one.storage.jobs.add(Job(id_, one.clock()))
    await status_of(one, "first", "DELETE")
    await work(one.current, "one")
    assert 200 == (await status_of(one, "second")).status
    with pytest.raises(NotFound, match="was cancelled"):
        await status_of(one, "first", "DELETE")


async def test_a_job_that_has_ended_or_is_not_known_cannot_be_cancelled(processes: list[Env]) -> None:
    one, _ = processes
    await one.storage.jobs.add(Job("job", one.clock()))
    await work(one.current, "one")
    with pytest.raises(Conflict, match="has ended"):
        await status_of(one, "job", "DELETE")
    assert 200 == (await status_of(one, "job")).status
    with pytest.raises(NotFound):
        await status_of(one, "unknown", "DELETE")


async def test_only_the_administrator_cancels(processes: list[Env]) -> None:
    one, _ = processes
    await one.storage.jobs.add(Job("job", one.clock()))
    with pytest.raises(Forbidden):
        await status_of(one, "job", "DELETE", Principal("somebody"))
    assert 202 == (await status_of(one, "job")).status
