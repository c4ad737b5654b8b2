"""Visits: what the trigger event says about the state of one, and its diagnoses.

Spec: https://hl7.org/fhir/R4/encounter.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope
from hl7_bridge.mapping.tables import Table

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
    if segment.value(15).isdigit() and int(segment.value(15)) > 0:
        item["rank"] = int(segment.value(15))
    visit.resource["diagnosis"] = [*known, item]


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "status_of_event": Function(status_of_event, (45,), "status"),
        "diagnosis_of_encounter": Function(diagnosis_of_encounter, (6, 15), "Encounter.diagnosis"),
    }
)
