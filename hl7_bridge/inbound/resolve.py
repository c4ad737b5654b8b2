"""From a conversion to the one transaction that does what the message means, given what is stored now.

Key finds nothing: create. One: the stored resource with what the message says, nothing when that changes nothing. More:
`Ambiguous`. A resource that a later event has changed or confirmed is left as that event left it.
Spec: https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/provenance.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hl7_bridge.actions import Merge
from hl7_bridge.convert import Conversion
from hl7_bridge.inbound.actions import perform
from hl7_bridge.inbound.join import Joiner
from hl7_bridge.inbound.targets import Search, Target, names, renamed, targets
from hl7_bridge.inbound.workspace import Workspace
from hl7_bridge.ports import Claim, Lookup, Resource


@dataclass(frozen=True, slots=True)
class Plan:
    """What to submit; `bundle` is None when the store has all of the message already.

    Shape: `late` are references of resources that a later event has written, which the message therefore leaves alone;
           `claims` are what the transaction takes beside its resources
    """

    bundle: Resource | None
    late: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()


async def resolve(conversion: Conversion, message: Resource, search: Search, joiner: Joiner) -> Plan:
    """Return the transaction of a message; `message` is the identifier that its raw text is stored with.

    Errors: Ambiguous; Refused and Unavailable of the lookup
    """
    work = Workspace()
    lookup = search.lookup
    found = await targets(conversion.entries, search, work)
    if any(_holds(work[target.reference], message) for target in found if target.found and target.reference in work):
        return Plan(None)
    known = names(found)
    merged = _merged_before(conversion, known)
    for target in found:
        if target.entry.full_url not in merged:
            _apply(target, known, work, joiner)
    late = await _late(conversion.occurred, lookup, work)
    await perform(conversion.actions, found, lookup, work)
    return Plan({"resourceType": "Bundle", "type": "transaction", "entry": work.entries()}, late, tuple(work.claims))


async def _late(occurred: str, lookup: Lookup, work: Workspace) -> tuple[str, ...]:
    """Take back what a message says of resources that a later event has written; return their references."""
    changed = work.changed()
    if not occurred or not changed:
        return ()
    late = await lookup.later(changed, occurred)
    for reference in late:
        work.keep(reference)
    return tuple(sorted(late))


def _holds(resource: Resource, message: Resource) -> bool:
    """Tell whether a stored resource holds the raw message: then all that the message did is stored, too."""
    if resource["resourceType"] != "DocumentReference":
        return False
    identifiers = resource.get("identifier", ())
    return any(one.get("system") == message["system"] and one.get("value") == message["value"] for one in identifiers)


def _merged_before(conversion: Conversion, known: Mapping[str, str]) -> frozenset[str]:
    """Return the entries of resources that an earlier message has merged already: they mean their survivors now."""
    merges = [action for action in conversion.actions if isinstance(action, Merge)]
    return frozenset(one.prior for one in merges if known[one.prior] == known[one.survivor])


def _apply(target: Target, known: Mapping[str, str], work: Workspace, joiner: Joiner) -> None:
    """Put what an entry says of its resource into the workspace; `known` are the names that references are to use."""
    reference, intent = target.reference, target.entry.intent
    if intent == "delete":
        if target.found:
            work.remove(reference)
    elif not target.found and target.entry.full_url and work[reference] is target.entry.resource:
        work.put(reference, renamed(target.entry.resource, known))
    elif intent == "upsert" or work.is_new(reference):
        entry, sent = target.entry, renamed(target.entry.resource, known)
        work.put(reference, joiner.joined(work[reference], sent, clears=entry.clears, rules=entry.merge))
