"""transaction: all entries take effect together, or none does.

Spec: https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import count

from fhir_server.interactions.bundles import Room, bundle, result_entry
from fhir_server.interactions.change import ATTEMPTS, in_turn
from fhir_server.interactions.effects import BREATH, Effects, effects
from fhir_server.interactions.entries import checked_entries, entry_call, moved, named, place, refuse_equal_names
from fhir_server.interactions.env import Env
from fhir_server.interactions.read import existing
from fhir_server.interactions.resolution import Step, resolve, step_of
from fhir_server.interactions.update import check_same_id
from fhir_server.kernel.call import WRITES, Address, Call, Result
from fhir_server.kernel.errors import FhirError, Invalid, Issue
from fhir_server.kernel.query import Access
from fhir_server.resources.prepare import resource_of_type

Run = Callable[[Env, Call], Awaitable[Result]]

ISSUES = 100
"""The most issues that one answer names."""


async def transaction(env: Env, call: Call, access: Access, run: Run) -> Result:
    """Return the responses in the order of the entries, after all of them were stored in one commit.

    Errors: any FhirError of an entry, its issues naming the entry; then nothing was stored
    """
    steps = await _checked_steps(env, call)
    attempts = count()

    async def attempt() -> dict[int, Result]:
        found = await resolve(env, steps, access)
        work = await effects(env, steps, found, access, wary=next(attempts) > 0 or bool(call.guards))
        room = Room(env.settings.max_bundle_answer_bytes)
        await _check_reads(env, steps, work, access, room)
        await _try_queries(env, steps, work, run, room)
        if work.changes:
            await env.storage.writer.commit(work.changes, [*found.guards.values(), *call.guards])
        return work.results

    # What the caller has read before does not become true again by another attempt.
    results = await in_turn(env, _turns(steps), attempt, attempts=1 if call.guards else ATTEMPTS)
    for step in steps:
        if step.index not in results:
            results[step.index] = await _answer(env, step, run)
    responses = [result_entry(step.call, results[step.index]) for step in steps]
    return Result(200, body=bundle("transaction-response", responses))


def _turns(steps: Sequence[Step]) -> set[str]:
    """Return the references of existing resources that the steps write."""
    addresses = [step.call.address for step in steps if step.call.address.interaction in WRITES]
    return {f"{address.type}/{address.id}" for address in addresses if address.id is not None}


async def _checked_steps(env: Env, call: Call) -> list[Step]:
    """Return the entries as steps, their resources checked; raise Invalid with the issues of all of them."""
    steps: list[Step] = []
    issues: list[Issue] = []
    entries = checked_entries(env, call.body)
    refuse_equal_names(entries)
    for index, entry in enumerate(entries):
        try:
            inner = entry_call(env, call, index, entry)
            step = step_of(index, entry.get("fullUrl"), inner)
            _check_content(env, step)
            steps.append(step)
        except Invalid as error:
            issues.extend(named(error, place(index)).issues)
            if len(issues) >= ISSUES:
                break
        if (index + 1) % BREATH == 0:
            await asyncio.sleep(0)
    if issues:
        raise Invalid(*issues[:ISSUES])
    return steps


def _check_content(env: Env, step: Step) -> None:
    address = step.call.address
    if address.interaction in ("create", "update"):
        where = f"{place(step.index)}.resource"
        try:
            resource = resource_of_type(step.call.body, step.call.type)
            if address.interaction == "update" and address.id is not None:
                check_same_id(resource, address.id)
        except Invalid as error:
            raise moved(error, where) from None
        env.pipeline.check(resource, at=where)
    elif address.interaction == "operation":
        raise Invalid("an operation cannot be part of a transaction: send it in a batch")


async def _check_reads(env: Env, steps: Sequence[Step], work: Effects, access: Access, room: Room) -> None:
    """Raise NotFound or Gone, before anything is stored, when a GET entry will have nothing to read; or TooCostly."""
    reads = [step for step in steps if step.call.address.interaction == "read"]
    stored = await env.storage.reader.read_many([(step.call.type, step.call.id) for step in reads], access)
    for step in reads:
        version = work.after(step.call.type, step.call.id) or stored.get((step.call.type, step.call.id))
        try:
            room.take(existing(version, f"{step.call.type}/{step.call.id}").json)
            room.check()
        except FhirError as error:
            raise named(error, place(step.index)) from None


async def _try_queries(env: Env, steps: Sequence[Step], work: Effects, run: Run, room: Room) -> None:
    """Do the other reading entries once before anything is stored: what cannot be answered must reject all."""
    for step in steps:
        address = step.call.address
        if address.interaction in WRITES or address.interaction == "read":
            continue
        made = None if address.id is None else work.after(step.call.type, address.id)
        if address.interaction == "vread" and made is not None and str(made.version) == address.version_id:
            continue
        if address.interaction == "history-instance" and made is not None:
            # The resource may not be there yet; its type's history has the same parameters.
            step = replace(step, call=replace(step.call, address=Address("history-type", step.call.type)))
        room.take((await _answer(env, step, run)).body)
        try:
            room.check()
        except FhirError as error:
            raise named(error, place(step.index)) from None


async def _answer(env: Env, step: Step, run: Run) -> Result:
    """Return what a reading entry gets, now that the writes are in."""
    try:
        return await run(env, step.call)
    except FhirError as error:
        raise named(error, place(step.index)) from None
