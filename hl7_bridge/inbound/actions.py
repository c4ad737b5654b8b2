"""What a message asks for beyond its own resources: merges, moves and links, done on what is stored.

Spec: https://hl7.org/fhir/R4/patient.html#merge, https://hl7.org/fhir/R4/patient-definitions.html#Patient.link
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

from hl7_bridge.actions import Action, Book, Inherit, Link, Merge, Move, Reassign, Reverse, Unlink
from hl7_bridge.inbound.booking import book
from hl7_bridge.inbound.join import identifier_union
from hl7_bridge.inbound.targets import Target, renamed
from hl7_bridge.inbound.workspace import Workspace
from hl7_bridge.ports import Lookup, Refused, Resource

_RECORDS: Final = frozenset({"AuditEvent"})
"""What tells of the past as it was: its references stay."""

_ENDED: Final[Mapping[str, Resource]] = {
    "Patient": {"active": False},
    "Encounter": {"status": "entered-in-error"},
    "Account": {"status": "inactive"},
}
"""How a resource that another one has replaced says so."""


async def perform(actions: Sequence[Action], made: Sequence[Target], lookup: Lookup, work: Workspace) -> None:
    """Do what the actions of a conversion ask for; `made` are the targets of its entries.

    Errors: Refused; Unavailable of the lookup
    """
    names = {target.entry.full_url: target.reference for target in made}
    for action in actions:
        match action:
            case Merge(survivor, prior):
                await _merge(names[survivor], names[prior], lookup, work)
            case Move(resource, owner, former):
                moved = names[resource]
                await _move(moved, names[owner], names.get(former) or _owner(moved, work), lookup, work)
            case Reassign(owner, former, named):
                await _reassign(names[owner], names[former], named, lookup, work)
            case Link(first, second):
                _link(names[first], names[second], work)
            case Unlink(first, second):
                _unlink(names[first], names[second], work)
            case Book(appointment, actors):
                await book(names[appointment], [names[actor] for actor in actors], lookup, work)
            case Inherit(heir, element, source):
                await _inherit(names[heir], element, names[source], lookup, work)
            case Reverse(credit):
                _reverse(names[credit], work)
            case _:
                assert_never(action)


async def _merge(survivor: str, prior: str, lookup: Lookup, work: Workspace) -> None:
    if survivor == prior:
        # The store knows of this merge already: what the message says of the two is all said of the survivor.
        work.put(survivor, _unlinked(work[survivor], survivor))
        return
    kept, ended = work[survivor], work[prior]
    ids = [{**one, "use": "old"} for one in ended.get("identifier", ()) if not _has(kept, one)]
    if ids:
        kept = {**kept, "identifier": identifier_union(kept.get("identifier", []), ids)}
    ended = {**ended, **_ENDED.get(ended["resourceType"], {})}
    if ended["resourceType"] == "Patient":
        kept, ended = _linked(kept, prior, "replaces"), _linked(ended, survivor, "replaced-by")
    work.put(survivor, kept)
    work.put(prior, ended)
    if not work.is_new(prior):
        await _repoint(prior, survivor, await lookup.referring(prior), work)


async def _repoint(old: str, new: str, referring: Sequence[Resource], work: Workspace) -> None:
    """Let all resources that refer to one refer to another; the two themselves tell of each other, and keep that."""
    for resource in referring:
        if resource["resourceType"] in _RECORDS:
            continue
        reference = work.meet(resource)
        if reference not in (old, new):
            work.put(reference, renamed(work[reference], {old: new}))


async def _move(resource: str, owner: str, former: str, lookup: Lookup, work: Workspace) -> None:
    if former in ("", owner):
        return
    change = {former: owner}
    work.put(resource, renamed(work[resource], change))
    if work.is_new(resource):
        return
    for one in await lookup.referring(resource):
        if one["resourceType"] not in _RECORDS:
            reference = work.meet(one)
            work.put(reference, renamed(work[reference], change))


async def _reassign(
    owner: str, former: str, named: frozenset[tuple[str | None, str]], lookup: Lookup, work: Workspace
) -> None:
    """Take from a Patient the numbers that another one has got, and with them what refers to it.

    Errors: Refused when nobody is stored who had them, or who had them has records under other numbers too: which of
            them are meant, nobody can tell
    """
    if owner == former:
        return  # the store knows of this move already
    if work.is_new(former):
        raise Refused(("Patient", "nobody is stored who has the numbers of MRG; nothing can be moved"))
    others = [one for one in work.stored(former).get("identifier", ()) if _other_record(one, work[owner], named)]
    if others:
        raise Refused(("Patient", f"{former} has records under other numbers, too; a person must say which are meant"))
    kept = [one for one in work[former].get("identifier", ()) if not _has(work[owner], one)]
    rest = {name: value for name, value in work[former].items() if name != "identifier"}
    work.put(former, {**rest, "identifier": kept} if kept else rest)
    await _repoint(former, owner, await lookup.referring(former), work)


_NO_RECORDS: Final = frozenset({"SS", "DL", "PPN", "NI"})
"""Types of numbers under which nobody keeps records."""


def _other_record(identifier: Resource, owner: Resource, named: frozenset[tuple[str | None, str]]) -> bool:
    """Tell whether records may stand under a number that a message neither moves nor names."""
    number = (identifier.get("system"), identifier.get("value", ""))
    kinds = {one.get("code") for one in identifier.get("type", {}).get("coding", ())}
    passive = identifier.get("use") == "old" or number[0] == "urn:ietf:rfc:3986" or bool(kinds & _NO_RECORDS)
    return not passive and number not in named and not _has(owner, identifier)


def _owner(reference: str, work: Workspace) -> str:
    """Return the reference of the patient whom a stored resource belongs to; "" when that is not known."""
    subject = {} if work.is_new(reference) else work.stored(reference).get("subject", {})
    first = subject[0] if isinstance(subject, list) and subject else subject
    return first.get("reference", "") if isinstance(first, dict) else ""


async def _inherit(heir: str, element: str, source: str, lookup: Lookup, work: Workspace) -> None:
    """Give a resource the reference that it lacks and another one has."""
    if "reference" in work[heir].get(element, {}):
        return
    known = work[source] if source in work else (await lookup.read({source})).get(source, {})
    if "reference" in known.get(element, {}):
        work.put(heir, {**work[heir], element: known[element]})


def _reverse(credit: str, work: Workspace) -> None:
    """Take back the charge that is stored under the number of a credit, and leave the rest of it as it was."""
    if work.is_new(credit):
        return
    stored = work.stored(credit)
    if stored.get("priceOverride", {}).get("value", 0) >= 0:
        work.put(credit, {**stored, "status": "aborted"})


def _link(first: str, second: str, work: Workspace) -> None:
    if first != second:
        work.put(first, _linked(work[first], second, "seealso"))
        work.put(second, _linked(work[second], first, "seealso"))


def _unlink(first: str, second: str, work: Workspace) -> None:
    work.put(first, _unlinked(work[first], second))
    work.put(second, _unlinked(work[second], first))


def _linked(patient: Resource, other: str, type_: str) -> Resource:
    links = patient.get("link", [])
    wanted = {"other": {"reference": other}, "type": type_}
    if any(link.get("type") == type_ and _other(link) == other for link in links):
        return patient
    return {**patient, "link": [*links, wanted]}


def _unlinked(patient: Resource, other: str) -> Resource:
    """Return a patient without links to another one, of whatever type."""
    links = [link for link in patient.get("link", ()) if _other(link) != other]
    rest = {name: value for name, value in patient.items() if name != "link"}
    return {**rest, "link": links} if links else rest


def _other(link: Resource) -> Any:
    return link.get("other", {}).get("reference")


def _has(resource: Resource, identifier: Resource) -> bool:
    found = resource.get("identifier", ())
    return any(
        one.get("system") == identifier.get("system") and one.get("value") == identifier.get("value") for one in found
    )
