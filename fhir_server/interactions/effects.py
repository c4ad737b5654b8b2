"""What the entries of a transaction do: changes to commit, and the answers to give once they are in.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fhir_server.interactions import conditional
from fhir_server.interactions.change import Replacement, check_visible, location, next_version, written
from fhir_server.interactions.entries import named, place
from fhir_server.interactions.env import Env
from fhir_server.interactions.patch import patched
from fhir_server.interactions.read import existing
from fhir_server.interactions.resolution import Resolution, Step
from fhir_server.interactions.update import check_may_create
from fhir_server.kernel.call import Conditions, Result
from fhir_server.kernel.errors import FhirError, Invalid, Issue
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Change, Method, Resource, Version
from fhir_server.resources.names import replacement
from fhir_server.resources.preconditions import check_write

BREATH = 20
"""Entries worked on before other requests get their turn: about a millisecond."""

_ABSENT = Conditions(if_none_match="*")

_METHODS: Mapping[str, Method] = {"create": "POST", "update": "PUT", "patch": "PATCH"}


@dataclass(slots=True)
class Effects:
    """What one attempt has prepared; `current` holds what the entries replace, by reference."""

    now: datetime
    current: Mapping[tuple[str, str], Version]
    changes: list[Change] = field(default_factory=list)
    results: dict[int, Result] = field(default_factory=dict)
    _made: dict[tuple[str, str], Version] = field(default_factory=dict)

    def add(self, change: Change) -> None:
        version = change.draft.version
        self.changes.append(change)
        self._made[version.type, version.id] = version

    def after(self, type_: str, id_: str) -> Version | None:
        """Return the version that this transaction makes of a resource, None when it does not touch it."""
        return self._made.get((type_, id_))


async def effects(env: Env, steps: Sequence[Step], found: Resolution, access: Access, *, wary: bool) -> Effects:
    """Return the changes of all writing steps, each checked against what is stored now.

    What is to be written only where nothing stands is not looked for, unless `wary`: the commit will tell.
    Errors: FhirError of the first step that cannot be done; its issues name the entry
    """
    writes = [step for step in steps if step.index in found.targets]
    contents = await _contents(env, writes, found, access)
    hopeful = env.settings.update_as_create and not wary
    addressed = [
        (step.call.type, id_)
        for step in writes
        if _replaces(step) and not (hopeful and _is_first(step)) and (id_ := found.targets[step.index].id) is not None
    ]
    work = Effects(env.clock(), await env.storage.reader.read_many(addressed, access))
    for count, step in enumerate(writes, 1):
        try:
            work.results[step.index] = await _effect(
                env, step, found, access, work=work, content=contents.get(step.index)
            )
        except FhirError as error:
            raise named(error, place(step.index)) from None
        if count % BREATH == 0:
            await asyncio.sleep(0)
    return work


def _replaces(step: Step) -> bool:
    return step.call.address.interaction != "create"


def _is_first(step: Step) -> bool:
    """Tell whether a step is to write under an id of its own choice, and only where nothing stands."""
    call = step.call
    return call.address.interaction == "update" and call.address.id is not None and call.conditions == _ABSENT


async def _contents(env: Env, steps: Sequence[Step], found: Resolution, access: Access) -> dict[int, Resource]:
    """Return the resources of the steps, every link replaced that names another entry or a search."""
    contents: dict[int, Resource] = {}
    searches: dict[str, Step] = {}
    for count, step in enumerate(steps, 1):
        if step.call.body is not None:
            suspects: set[str] = set()
            contents[step.index] = env.links.rewrite(step.call.body, replacement(found.names, step.full_url, suspects))
            if suspects:
                # A uri may look like a conditional reference; only Reference.reference can be one.
                references = {text for _, text in env.links.references(step.call.body)}
                searches.update(dict.fromkeys(suspects & references, step))
        if count % BREATH == 0:
            await asyncio.sleep(0)
    if searches:
        matched = await _matched(env, searches, access)
        contents = {index: env.links.rewrite(resource, matched.get) for index, resource in contents.items()}
    return contents


async def _matched(env: Env, searches: Mapping[str, Step], access: Access) -> dict[str, str]:
    """Return what conditional references stand for; each must match exactly one resource."""
    matched: dict[str, str] = {}
    for link, step in searches.items():
        try:
            type_, _, text = link.partition("?")
            if type_ not in env.definitions.resource_types:
                raise Invalid(Issue("value", f"{type_[:64]!r} in a conditional reference is no resource type"))
            version = await conditional.one(env, conditional.from_text(env, type_, text, step.call.base_url), access)
        except FhirError as error:
            raise named(error, f"{place(step.index)}.resource") from None
        matched[link] = version.reference
    return matched


async def _effect(
    env: Env, step: Step, found: Resolution, access: Access, *, work: Effects, content: Resource | None
) -> Result:
    """Add the step's change to the work and return its answer."""
    target = found.targets[step.index]
    current = target.found
    if current is None and target.id is not None and _replaces(step):
        current = work.current.get((step.call.type, target.id))
        if step.criteria is not None:
            conditional.free(current)
    match step.call.address.interaction:
        case "delete":
            return _delete(env, step, current, work)
        case "create" if current is not None:
            return await written(env, step.call, current, created=False)
        case "create" if target.alias:
            return _alias(step, target.id, work)
        case "patch":
            content = await patched(env, existing(current, _described(step)), step.call.patch)
            env.pipeline.check(content, at=f"{place(step.index)}.resource")
    assert content is not None
    assert target.id is not None
    wanted = Replacement(content, target.id, _METHODS[step.call.address.interaction], work.now, current)
    return await _write(env, step, access, work, wanted)


def _described(step: Step) -> str:
    return (
        f"{step.call.type}/{step.call.address.id}"
        if step.call.address.id
        else f"a {step.call.type} that the criteria match"
    )


def _delete(env: Env, step: Step, current: Version | None, work: Effects) -> Result:
    check_write(step.call.conditions, current)
    if current is None or current.deleted:
        return Result(204, version=current)
    change = Change(env.pipeline.tombstone(current, work.now), current)
    work.add(change)
    return Result(204, version=change.draft.version)


def _alias(step: Step, id_: str | None, work: Effects) -> Result:
    """Return the answer of a create whose criteria are those of an earlier create in the same Bundle."""
    assert id_ is not None
    made = work.after(step.call.type, id_)
    assert made is not None
    return Result(200, body=made.json, version=made, location=location(step.call, made))


async def _write(env: Env, step: Step, access: Access, work: Effects, wanted: Replacement) -> Result:
    current = wanted.current
    if _replaces(step):
        check_write(step.call.conditions, current)
        check_may_create(env, current)
    change = await next_version(env, wanted)
    if change is None:
        assert current is not None
        return await written(env, step.call, current, created=False)
    check_visible(access, change)
    work.add(change)
    return await written(env, step.call, change.draft.version, created=current is None or current.deleted)
