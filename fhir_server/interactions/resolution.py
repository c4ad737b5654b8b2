"""Which resource each entry of a transaction means: new ids, matches of criteria, and what their names stand for.

Spec: https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fhir_server.interactions import conditional
from fhir_server.interactions.entries import moved, named, place
from fhir_server.interactions.env import Env
from fhir_server.kernel.call import WRITES, Call, Params
from fhir_server.kernel.errors import FhirError, Invalid, Issue
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Guard, Version

_URN = re.compile(r"urn:(?:uuid|oid):[A-Za-z0-9.\-]+")
_MATCHES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Step:
    """One entry: its place in the Bundle, the name that others refer to it by, and what it asks for."""

    index: int
    full_url: str | None
    call: Call
    criteria: Params | None
    """What names the entry's resource; None when its address does."""

    @property
    def named(self) -> set[str]:
        """The names of other entries that stand in the criteria."""
        return {urn for _, value in self.criteria or () for urn in _URN.findall(value)}


def step_of(index: int, full_url: str | None, call: Call) -> Step:
    """Return an entry as a step; raise Invalid for an ifNoneExist that is no query string."""
    criteria: Params | None = None
    match call.address.interaction:
        case "create" if call.conditions.if_none_exist is not None:
            criteria = conditional.criteria_params(call.type, call.conditions.if_none_exist)
        case "update" | "patch" | "delete" if call.address.id is None:
            criteria = call.params
    return Step(index, full_url, call, criteria)


@dataclass(frozen=True, slots=True)
class Target:
    """The resource that a step writes; `found` is the version that its criteria matched.

    `alias`: an earlier step with the same If-None-Exist creates it, this one does nothing.
    """

    id: str | None
    found: Version | None = None
    alias: bool = False


@dataclass(slots=True)
class Resolution:
    """What is known so far; one per attempt, thrown away when another writer was faster."""

    targets: dict[int, Target] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)
    creators: dict[tuple[str, Params], int] = field(default_factory=dict)

    def reference(self, step: Step) -> str | None:
        target = self.targets[step.index]
        return None if target.id is None else f"{step.call.type}/{target.id}"


async def resolve(env: Env, steps: Sequence[Step], access: Access) -> Resolution:
    """Return the target of every writing step.

    Errors: Invalid when two entries write one resource or criteria refer to each other in a circle,
            MultipleMatches for ambiguous criteria
    """
    writes = [step for step in steps if step.call.address.interaction in WRITES]
    deletes = [step for step in writes if step.call.address.interaction == "delete"]
    others = [step for step in writes if step.call.address.interaction != "delete"]
    found = Resolution()
    _take_addressed(env, found, writes)
    # Deletes come first in a transaction: what they remove must not match later criteria.
    await _match_in_order(env, found, deletes, access, without=frozenset())
    gone = frozenset(reference for step in deletes if (reference := found.reference(step)))
    await _match_in_order(env, found, others, access, without=gone)
    _refuse_duplicates(found, writes)
    return found


def _take_addressed(env: Env, found: Resolution, steps: Sequence[Step]) -> None:
    """Set the targets of steps whose address names them, and of plain creates."""
    for step in steps:
        if step.criteria is None:
            _set(found, step, Target(step.call.address.id or env.new_id()))


def _set(found: Resolution, step: Step, target: Target) -> None:
    found.targets[step.index] = target
    if step.full_url is not None and target.id is not None:
        found.names[step.full_url] = f"{step.call.type}/{target.id}"


async def _match_in_order(
    env: Env, found: Resolution, steps: Sequence[Step], access: Access, *, without: frozenset[str]
) -> None:
    """Match the criteria of steps, those first that refer to no step that is still open."""
    open_steps = {step.index: step for step in steps if step.criteria is not None}
    while open_steps:
        waiting_for = {step.full_url for step in open_steps.values()} - {None}
        ready = [step for step in open_steps.values() if waiting_for.isdisjoint(step.named)]
        if not ready:
            circle = ", ".join(place(index) for index in open_steps)
            raise Invalid(Issue("invalid", f"the criteria of these entries refer to each other: {circle[:500]}"))
        await _match(env, found, ready, access, without=without)
        for step in ready:
            del open_steps[step.index]


async def _match(
    env: Env, found: Resolution, steps: Sequence[Step], access: Access, *, without: frozenset[str]
) -> None:
    criteria = {step.index: _criteria(env, found.names, step) for step in steps}
    keys = {key for one in criteria.values() for key in one.guard_keys} - found.guards.keys()
    # Guards are read before the search: who creates a match in between moves the guard and fails this commit.
    found.guards.update({guard.key: guard for guard in await env.storage.guards.see(sorted(keys))})
    places = asyncio.Semaphore(_MATCHES_AT_ONCE)

    async def search(step: Step) -> Version | None:
        async with places:
            try:
                return await conditional.match(env, criteria[step.index], access, without=without)
            except FhirError as error:
                raise named(error, place(step.index)) from None

    matches = await asyncio.gather(*(search(step) for step in steps))
    for step, match in zip(steps, matches, strict=True):
        _set(found, step, _target(env, found, step, match))


def _params(names: Mapping[str, str], step: Step) -> Params:
    """Return the criteria of a step with the names of other entries replaced by what they stand for."""
    return tuple((name, _URN.sub(lambda urn: names.get(urn[0], urn[0]), value)) for name, value in step.criteria or ())


def _criteria(env: Env, names: Mapping[str, str], step: Step) -> conditional.Criteria:
    try:
        return conditional.from_params(env, step.call.type, _params(names, step), step.call.base_url)
    except FhirError as error:
        raise moved(error, f"{place(step.index)}.request") from None


def _target(env: Env, found: Resolution, step: Step, match: Version | None) -> Target:
    """Return what a step's criteria mean, given the one resource that they matched."""
    interaction = step.call.address.interaction
    if interaction == "create" and match is None:
        earlier = found.creators.setdefault((step.call.type, _params(found.names, step)), step.index)
        if earlier != step.index:
            return Target(found.targets[earlier].id, alias=True)
        return Target(env.new_id())
    if interaction == "update":
        id_ = conditional.target_id(step.call.body or {}, match)
        return Target(id_ or env.new_id(), match)
    return Target(None if match is None else match.id, match)


def _refuse_duplicates(found: Resolution, steps: Sequence[Step]) -> None:
    """Raise Invalid when two entries would write the same resource."""
    writers: dict[str, int] = {}
    for step in steps:
        reference = found.reference(step)
        target = found.targets[step.index]
        only_reads = step.call.address.interaction == "create" and target.found is not None
        if reference is None or target.alias or only_reads:
            continue
        first = writers.setdefault(reference, step.index)
        if first != step.index:
            text = f"{place(first)} and {place(step.index)} both write {reference}"
            raise Invalid(Issue("duplicate", text, expression=place(step.index)))
