"""Problems, referrals and disabilities: what PRB, PRD and DB1 say that rules alone cannot.

Spec: https://hl7.org/fhir/R4/condition.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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


def disability_time(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put begin and end of a disability (DB1-5, DB1-6); one whose end is still to come goes on."""
    if begin := moment(segment, 5, context):
        draft.resource["onsetDateTime"] = begin
    end = moment(segment, 6, context)
    ended = end is not None and end[:10] <= (context.occurred or end)[:10]
    if end and ended:
        draft.resource["abatementDateTime"] = end
    status = ("inactive", "Inactive") if ended else ("active", "Active")
    draft.resource["clinicalStatus"] = {"coding": [{"system": CLINICAL, "code": status[0], "display": status[1]}]}


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "complete_problem": Function(complete_problem),
        "disability_time": Function(disability_time, (5, 6), "onset[x], abatement[x], clinicalStatus"),
        "provider_id": Function(provider_id, (7,), "identifier"),
    }
)
