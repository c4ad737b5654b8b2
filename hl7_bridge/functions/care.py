"""Problems, referrals and participants: what PRB, PRD, ROL and PRT say that rules alone cannot.

Spec: https://hl7.org/fhir/R4/condition.html
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, people
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
ENDED = frozenset({"inactive", "remission", "resolved"})


def complete_problem(_segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Give a problem the clinical status that FHIR demands of it (con-3 to con-5), and none to a mistaken one."""
    problem = draft.resource
    if code_of(problem.get("verificationStatus")) == "entered-in-error":
        problem.pop("clinicalStatus", None)
        draft.clears.add("clinicalStatus")
        return
    ended = any(element.startswith("abatement") for element in problem)
    if code_of(problem.get("clinicalStatus")) not in ENDED and ended:
        problem["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": "resolved", "display": "Resolved"}]}
    elif "clinicalStatus" not in problem:
        problem["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": "active", "display": "Active"}]}


def code_of(concept: Element | None) -> str:
    return str(((concept or {}).get("coding") or [{}])[0].get("code", ""))


def provider_id(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put PRD-7 (PLN: number, its kind, who gives it out) as identifiers of the provider."""
    for field in segment.repetitions(7):
        number, kind, state = (field.value(part).strip() for part in (1, 2, 3))
        if not number or field.is_null:
            continue
        identifier: Element = {"system": context.sender.authority(state, "", "", kind), "value": number}
        if kind:
            identifier = {"type": {"text": kind}, **identifier}
        draft.resource["identifier"] = [*draft.resource.get("identifier", ()), identifier]


Places = tuple[int, int, int, int]
"""Fields of a segment: role, person, begin and end."""

ROLE: Places = (3, 4, 5, 6)
PARTICIPATION: Places = (4, 5, 11, 12)


def participant(places: Places) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that adds a person to the participants of a visit, with the role and its time."""
    kind, person, begin, end = places

    def add(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        role = codes.codeable_concept(segment.field(kind), context, None)
        ends = {"start": moment(segment, begin, context), "end": moment(segment, end, context)}
        period = {name: one for name, one in ends.items() if one}
        for field in segment.repetitions(person):
            if individual := people.practitioner(field, context, None):
                found: Element = {"type": [role]} if role else {}
                found["individual"] = individual
                if period:
                    found["period"] = period
                draft.resource["participant"] = [*draft.resource.get("participant", ()), found]

    return add


def performer(places: Places) -> Callable[[Segment, Draft, Scope, Context], None]:
    """Return the function that adds a person to the performers of a procedure, with the role."""
    kind, person, *_ = places

    def add(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
        role = codes.codeable_concept(segment.field(kind), context, None)
        for field in segment.repetitions(person):
            if actor := people.practitioner(field, context, None):
                found: Element = {"function": role} if role else {}
                draft.resource["performer"] = [*draft.resource.get("performer", ()), {**found, "actor": actor}]

    return add


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "complete_problem": Function(complete_problem),
        "role_of_visit": Function(participant(ROLE), (4, 3, 5, 6), "participant"),
        "role_of_procedure": Function(performer(ROLE), (4, 3), "performer"),
        "participation_of_visit": Function(participant(PARTICIPATION), (5, 4, 11, 12), "participant"),
        "participation_of_procedure": Function(performer(PARTICIPATION), (5, 4), "performer"),
        "provider_id": Function(provider_id, (7,), "identifier"),
    }
)
