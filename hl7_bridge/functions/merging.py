"""Merges, moves and links of what is stored already: what ADT A18 to A51 ask for beyond their own resources.

Spec: https://hl7.org/fhir/R4/patient.html#merge
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.actions import Link, Merge, Move, Reassign, Unlink
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft, identifier_key
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope


def merge(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Ask that the survivor (the entry of the same type beside it) take the place of this prior resource."""
    survivor = beside(draft, scope)
    if survivor is None or not draft.resource.get("identifier"):
        return
    if identifiers(draft) <= identifiers(survivor):
        # Both numbers are the same: nothing is merged, and the survivor must not end.
        for element in ("active", "link", "status"):
            draft.resource.pop(element, None)
        survivor.resource.pop("link", None)
        draft.intent = "reference"
        return
    if scope.message.trigger in MOVES:
        move(segment, draft, scope, context)
    context.actions.append(Merge(survivor.full_url, draft.full_url))


MOVES = frozenset({"A44", "A45"})
"""Events that give an account or a visit to another patient: what refers to its prior number goes there, too."""


def beside(draft: Draft, scope: Scope) -> Draft | None:
    """Return the nearest entry of the same type that another role has made."""
    for one in scope.outwards():
        for other in one.inwards():
            for found in other.drafts.values():
                if found.type == draft.type and found is not draft:
                    return found
    return None


def identifiers(draft: Draft) -> set[tuple[str | None, str]]:
    """Return system and value of all identifiers."""
    return {number_of(one) for one in draft.resource.get("identifier", ())}


def move(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Ask that this Encounter or Account, with all that refers to it, come to belong to the message's Patient."""
    owner, former = scope.find("Patient"), scope.find("Patient#former")
    if owner is not None and (former is None or not identifiers(former) <= identifiers(owner)):
        context.actions.append(Move(draft.full_url, owner.full_url, former.full_url if former else ""))


def reassign(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Ask that the numbers of this Patient (MRG), and what stands under them, go to the one that PID names.

    A number that both have is the one that moves: it tells neither of them from the other.
    Errors: ConversionError when no number of PID tells to whom
    """
    owner = scope.find("Patient")
    if owner is None:
        return
    theirs, his = identifiers(draft), identifiers(owner)
    if not his - theirs:
        raise ConversionError("101", "no number of PID-3 tells who gets those of MRG-1", segment="PID", field=3)
    for one, numbers in ((owner, his - theirs), (draft, theirs - his)):
        known = [number for number in one.resource["identifier"] if number_of(number) in numbers]
        if known:
            one.key = identifier_key(*number_of(known[0]))
    context.actions.append(Reassign(owner.full_url, draft.full_url, frozenset(theirs)))


def number_of(identifier: Mapping[str, Any]) -> tuple[str | None, str]:
    return identifier.get("system"), identifier["value"]


def link(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Ask that this Patient and those before it in the message be linked as one person."""
    context.actions.extend(Link(other.full_url, draft.full_url) for other in before(draft, scope))


def unlink(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Ask that links between this Patient and those before it in the message go."""
    context.actions.extend(Unlink(other.full_url, draft.full_url) for other in before(draft, scope))


def before(draft: Draft, scope: Scope) -> list[Draft]:
    found: list[Draft] = []
    for sibling in scope.parent.children if scope.parent else ():
        for other in sibling.drafts.values():
            if other is draft:
                return found
            if other.type == draft.type:
                found.append(other)
    return found


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "merge": Function(merge),
        "move": Function(move),
        "reassign": Function(reassign),
        "link": Function(link),
        "unlink": Function(unlink),
    }
)
