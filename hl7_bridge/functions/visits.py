"""Visits: what the trigger event says about the state of one, its diagnoses and its procedures.

Spec: https://hl7.org/fhir/R4/encounter.html
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import people
from hl7_bridge.datatypes.quantities import integer
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]

NOT_ENDED = frozenset({"A11", "A13", "A14", "A23", "A27", "A38"})
"""Events that say that the visit did not end, whatever PV1-45 holds."""


def status_of_event(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put the status that event and date of discharge (PV1-45) mean.

    An event that means none leaves a stored visit's status alone: what PV1-2 lets expect is for new visits.
    """
    trigger = scope.message.trigger
    table: Table = context.sender.tables["event-encounter-status"]
    found = table.look_up(trigger)
    if trigger not in NOT_ENDED and segment.value(45).strip('"'):
        draft.resource["status"] = "finished"
    elif found is not None:
        draft.resource["status"] = found.code
    else:
        draft.weak.add("status")


def recurring_visit(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Let a visit of a recurring patient (PV1-2 R) be known by its start: the account is that of all his visits."""
    visit, patient = scope.segment("PV1"), scope.find("Patient")
    if (
        visit is None
        or patient is None
        or visit.value(2) != "R"
        or not visit.value(44)
        or "identifier" in draft.resource
    ):
        return
    about = patient.key or patient.full_url
    identifier = derived_identifier(draft.type, context.sender.name, about, visit.value(44))
    draft.resource["identifier"] = [identifier]
    draft.key = key_of(identifier)


def bed_status(segment: Segment, _draft: Draft, _scope: Scope, context: Context) -> None:
    """Put PV1-40 as what state the bed or room of PV1-3 is in: all else that is stored of that place stays."""
    code = bed_state(segment.value(40), context)
    assigned = segment.field(3)
    if code is None or not (assigned.value(2).strip() or assigned.value(3).strip()):
        return
    reference = people.location(assigned, context, None)
    for draft in context.drafts:
        if reference is not None and draft.full_url == reference["reference"]:
            draft.weak |= draft.resource.keys() - {"resourceType", "identifier"}
            draft.merge = dict.fromkeys(sorted(draft.weak), "keep")
            draft.resource = {**draft.resource, "operationalStatus": code}
            draft.intent = "upsert"


def bed(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put NPU-1, the place as visits name it too, and its state (NPU-2); all else that is stored of it stays."""
    reference = people.location(segment.field(1), context, None) if segment.field(1) else None
    for thin in context.drafts:
        if reference is not None and thin.full_url == reference["reference"]:
            draft.resource = dict(thin.resource)
            draft.weak |= draft.resource.keys() - {"resourceType", "identifier"}
    if code := bed_state(segment.value(2), context):
        draft.resource["operationalStatus"] = code


def bed_state(code: str, context: Context) -> Element | None:
    """Return the Coding of table 0116; codes of the sender's own mean nothing to others."""
    found = context.sender.tables["0116"].look_up(code.strip().upper())
    return found.coding() if found else None


def diagnosis_of_encounter(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Add the condition to the diagnoses of the visit, with its role (DG1-6) and rank (DG1-15)."""
    visit = scope.find("Encounter")
    if visit is None:
        return
    known = visit.resource.get("diagnosis", [])
    item: dict[str, Any] = {"condition": draft.reference}
    table = context.sender.tables["0052"]
    if code := table.look_up(segment.value(6).strip()):
        item["use"] = {"coding": [code.coding()]}
    if (rank := integer(segment.field(15), context, None)) and rank > 0:
        item["rank"] = rank
    visit.resource["diagnosis"] = [*known, item]


def coding_method(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Take the code system from DG1-2 or PR1-2, as before version 2.3, where the code itself names none."""
    method = segment.value(2).strip()
    code = draft.resource.get("code", {})
    codings = code.get("coding", [])
    if not method.strip('"') or not codings or "system" in codings[0]:
        return
    if system := context.sender.coding_system(method):
        draft.resource["code"] = {**code, "coding": [{"system": system, **codings[0]}, *codings[1:]]}


def procedure_time(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put when a procedure was done: PR1-5, and its end by the minutes of PR1-7 when the start tells the time."""
    start = moment(segment, 5, context)
    if not start:
        return
    if end := end_after(start, segment.value(7).strip()):
        draft.resource["performedPeriod"] = {"start": start, "end": end}
    else:
        draft.resource["performedDateTime"] = start


def end_after(start: str, minutes: str) -> str | None:
    """Return the dateTime that is so many minutes later; None when the start is a day, or the minutes say nothing."""
    if "T" not in start or not minutes.isdecimal() or len(minutes) > 5 or not int(minutes):
        return None
    try:
        return (datetime.fromisoformat(start) + timedelta(minutes=int(minutes))).isoformat()
    except OverflowError:
        return None


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "bed": Function(bed, (1, 2), "operationalStatus"),
        "bed_status": Function(bed_status, (40,), "Location.operationalStatus", optional=True),
        "coding_method": Function(coding_method, (2,), "code", optional=True),
        "procedure_time": Function(procedure_time, (5, 7), "performed[x]"),
        "recurring_visit": Function(recurring_visit),
        "status_of_event": Function(status_of_event, (45,), "status"),
        "diagnosis_of_encounter": Function(diagnosis_of_encounter, (6, 15), "Encounter.diagnosis"),
    }
)
