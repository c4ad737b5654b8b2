"""Which stored resource does each entry of a conversion mean? One, none, or it is not for us to say.

Spec: https://hl7.org/fhir/R4/http.html#ccreate, https://hl7.org/fhir/R4/patient.html#maturity (Patient.link)
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import is_not
from typing import Any
from uuid import UUID, uuid5

from hl7_bridge.convert import Entry
from hl7_bridge.inbound.known import Known
from hl7_bridge.inbound.workspace import New, Workspace
from hl7_bridge.ports import Lookup, Question, Resource

_URN = re.compile(r"urn:uuid:[0-9a-fA-F-]{36}")
_NAMESPACE = UUID("6f6d9a0e-52d5-4c0e-9d0b-5d8f0c6f5a11")
"""Ids of new resources are derived within this name space from their business keys."""

_HEADER = "MessageHeader"
_in_order = json.JSONEncoder(sort_keys=True).encode


class Ambiguous(Exception):
    """Several stored resources have the key of one that a message is about: a person must say which one is meant."""

    def __init__(self, type_: str, references: Sequence[str]) -> None:
        self.type = type_
        self.references = tuple(references)
        super().__init__(f"{len(references)} or more resources of type {type_} have the same key")


@dataclass(frozen=True, slots=True)
class Target:
    """What an entry means: the reference of a stored resource, or the one that a new resource will have."""

    entry: Entry
    reference: str
    found: bool
    key: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """How targets are looked for.

    `known` is what was found a moment ago; `by_id`: new resources get ids that follow from their keys, else the store
    gives the ids, and is asked not to create what is there by then; `fresh`: the message came for the first time;
    `wary`: somebody was faster at the last attempt
    """

    lookup: Lookup
    known: Known
    by_id: bool
    fresh: bool = False
    wary: bool = False


class _Made(dict[str, Target]):
    """The targets so far, by the full URLs of their entries."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Target] = {}

    def add(self, target: Target) -> None:
        entry = target.entry
        self[entry.full_url] = target
        if target.key is not None:
            self._by_key.setdefault((entry.resource["resourceType"], target.key), target)

    def twin(self, type_: str, key: str) -> Target | None:
        """Return the target of an earlier entry that means the same resource."""
        return self._by_key.get((type_, key))


async def targets(entries: Sequence[Entry], search: Search, work: Workspace) -> list[Target]:
    """Return the target of every entry, in their order; what is stored is then in `work`, and so is what is new.

    Not in `work` is what was found a moment ago, and is only referred to.
    Errors: Ambiguous; Refused and Unavailable of the lookup
    """
    made = _Made()
    waiting: dict[str, Entry] = {}
    headers: list[Entry] = []
    for entry in entries:
        if search.by_id and _is_header(entry):
            headers.append(entry)
            continue
        target = _at_once(entry, search, work)
        if target is None:
            waiting[entry.full_url] = entry
        else:
            made.add(target)
    while waiting:
        ready = [entry for entry in waiting.values() if waiting.keys().isdisjoint(_mentioned(entry))]
        # Keys that name each other in a ring name nothing that is stored.
        answers = await _found(ready or list(waiting.values()), made, search.lookup)
        taken = await _taken([entry for entry, found in answers if not found], made, search)
        for entry, found in answers:
            by_id = search.by_id and not (taken and _new_reference(entry, made) in taken)
            made.add(_target(entry, found, made, work, by_id=by_id))
            del waiting[entry.full_url]
    for entry in headers:
        made.add(await _header(entry, made, search, work))
    for target in made.values():
        if target.found and target.key is not None:
            search.known.put(target.entry.resource["resourceType"], target.key, target.reference)
    return [made[entry.full_url] for entry in entries]


def names(made: Sequence[Target]) -> dict[str, str]:
    """Return by the full URL of each entry the reference that others are to use."""
    return {target.entry.full_url: target.reference for target in made}


def renamed(resource: Resource, known: Mapping[str, str]) -> Resource:
    """Return a resource whose references use other names; the same object when none does."""
    changed: Resource = {}
    for element, value in resource.items():
        kind = type(value)
        if kind is str:
            # Strings are most of a resource, and this asks about them first.
            new = known.get(value, value) if element == "reference" else value
        elif kind is dict:
            new = renamed(value, known)
        elif kind is list:
            new = _renamed_items(value, known)
        else:
            continue
        if new is not value:
            changed[element] = new
    return {**resource, **changed} if changed else resource


def _renamed_items(items: list[Any], known: Mapping[str, str]) -> list[Any]:
    new = [renamed(item, known) if type(item) is dict else item for item in items]
    return new if any(map(is_not, new, items)) else items


def _mentioned(entry: Entry) -> set[str]:
    return set(_URN.findall(entry.key)) - {entry.full_url} if entry.key and "urn:uuid:" in entry.key else set()


async def _found(
    entries: Sequence[Entry], made: Mapping[str, Target], lookup: Lookup
) -> list[tuple[Entry, Sequence[Resource]]]:
    asked = [entry for entry in entries if _may_be_stored(entry, made)]
    answers = await lookup.find([Question(entry.resource["resourceType"], _key(entry, made)) for entry in asked])
    by_url = {entry.full_url: found for entry, found in zip(asked, answers, strict=True)}
    return [(entry, await _living(by_url.get(entry.full_url, ()), lookup)) for entry in entries]


async def _taken(new: Sequence[Entry], made: Mapping[str, Target], search: Search) -> Collection[str]:
    """Return which of the ids that new resources would get are taken, by resources that have other keys by now.

    Only those are left to the store: to let it give an id while somebody else derives it would make two of one.
    """
    if not (search.wary and search.by_id and new):
        return ()
    return await search.lookup.read([_new_reference(entry, made) for entry in new])


def _may_be_stored(entry: Entry, made: Mapping[str, Target]) -> bool:
    """Tell whether the key of an entry can find anything: not when it names a resource that is new itself."""
    return all(url not in made or made[url].found for url in _mentioned(entry))


def _key(entry: Entry, made: Mapping[str, Target]) -> str:
    assert entry.key is not None
    if "urn:uuid:" not in entry.key:
        return entry.key
    return _URN.sub(lambda urn: made[urn[0]].reference if urn[0] in made else urn[0], entry.key)


async def _living(found: Sequence[Resource], lookup: Lookup) -> Sequence[Resource]:
    """Return what was found, but survivors in the place of what was merged into them."""
    found = [one for one in found if not _succeeded(one, found)] if len(found) > 1 else found
    if not any(_replaced_by(one) for one in found):
        return found
    survivors = {_reference(one): one for one in found if not _replaced_by(one)}
    wanted = {name for one in found if (name := _replaced_by(one))} - survivors.keys()
    seen = {_reference(one) for one in found}
    while wanted:
        read = await lookup.read(wanted)
        seen |= wanted
        survivors |= {name: one for name, one in read.items() if not _replaced_by(one)}
        wanted = {name for one in read.values() if (name := _replaced_by(one))} - seen
    return list(survivors.values()) or found


_ENDED = {"Encounter": "entered-in-error", "Account": "inactive"}
"""By type the status of one that a merge has ended: these have no link to the one that took their place."""


def _succeeded(resource: Resource, found: Sequence[Resource]) -> bool:
    """Tell whether another one that was found has taken the place of a visit or account, its number as an old one."""
    if resource.get("status", "") != _ENDED.get(resource["resourceType"]):
        return False
    numbers = [(one.get("system"), one.get("value")) for one in resource.get("identifier", ())]
    return any(
        one.get("use") == "old" and (one.get("system"), one.get("value")) in numbers
        for other in found
        if other is not resource
        for one in other.get("identifier", ())
    )


def _replaced_by(resource: Resource) -> str | None:
    for link in resource.get("link", ()) if resource["resourceType"] == "Patient" else ():
        if link.get("type") == "replaced-by":
            reference = link.get("other", {}).get("reference")
            return reference if isinstance(reference, str) else None
    return None


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _at_once(entry: Entry, search: Search, work: Workspace) -> Target | None:
    """Return the target of an entry that nobody need be asked about."""
    if entry.key is None:
        return _plain(entry, work)
    type_ = entry.resource["resourceType"]
    if entry.intent == "reference":
        reference = search.known.get(type_, entry.key)
        return None if reference is None else Target(entry, reference, found=True, key=entry.key)
    if search.fresh and search.by_id and entry.intent == "create" and type_ == "DocumentReference":
        # The raw message itself: if it is stored all the same, its id is taken, and the next attempt asks.
        return _target(entry, (), _Made(), work, by_id=True)
    return None


def _plain(entry: Entry, work: Workspace) -> Target:
    """Return the target of what every message makes anew."""
    work.create(entry.full_url, New(entry.resource, entry.full_url, None, None))
    return Target(entry, entry.full_url, found=False, key=None)


def _is_header(entry: Entry) -> bool:
    return entry.key is None and entry.resource["resourceType"] == _HEADER


async def _header(entry: Entry, made: Mapping[str, Target], search: Search, work: Workspace) -> Target:
    """Return the target of a MessageHeader: the one that says the same, whichever message it first came with.

    The headers of a sender's messages of one kind are alike but for what stands in the message itself: stored once,
    with an id that follows from what it says, it costs the other messages nothing.
    """
    said = renamed(entry.resource, {url: target.reference for url, target in made.items()})
    id_ = str(uuid5(_NAMESPACE, _in_order(said)))
    reference = f"{_HEADER}/{id_}"
    found = search.known.get(_HEADER, id_) is not None or reference in await search.lookup.read([reference])
    if not found:
        work.create(reference, New(entry.resource, entry.full_url, None, id_))
    return Target(entry, reference, found=found, key=id_)


def _new_reference(entry: Entry, made: Mapping[str, Target]) -> str:
    """Return the reference of a new resource whose id follows from its key."""
    type_ = entry.resource["resourceType"]
    return f"{type_}/{uuid5(_NAMESPACE, f'{type_}?{_key(entry, made)}')}"


def _target(entry: Entry, found: Sequence[Resource], made: _Made, work: Workspace, *, by_id: bool) -> Target:
    type_, key = entry.resource["resourceType"], _key(entry, made)
    if len(found) > 1:
        raise Ambiguous(type_, [_reference(one) for one in found])
    if found:
        return Target(entry, work.meet(found[0]), found=True, key=key)
    derived = _new_reference(entry, made)
    twin = made.twin(type_, key)
    if twin is not None:
        return Target(entry, twin.reference, found=False, key=key)
    if entry.intent == "delete":
        return Target(entry, derived, found=False, key=key)
    new = New(entry.resource, entry.full_url, key, derived.partition("/")[2] if by_id else None)
    reference = derived if by_id else entry.full_url
    work.create(reference, new)
    return Target(entry, reference, found=False, key=key)
