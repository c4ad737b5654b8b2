"""ServiceRequest → OML O21, or ORM O01 for receivers that know it only; ORC-1 says what is asked for.

Spec: https://hl7.org/fhir/R4/servicerequest.html
"""

from typing import Final

from hl7_bridge.er7 import Repeated, Value
from hl7_bridge.outbound.draft import Draft
from hl7_bridge.outbound.elements import annotations, ce, ei, kind_of, number, time, units, xtn
from hl7_bridge.outbound.patients import add_patient, add_visit, subject
from hl7_bridge.outbound.people import person
from hl7_bridge.outbound.results import add_observation, add_specimen
from hl7_bridge.outbound.setting import Resource, Setting
from hl7_bridge.outbound.vocabulary import code

_CALLBACK: Final = "http://hl7.org/fhir/StructureDefinition/servicerequest-order-callback-phone-number"


def order_message(setting: Setting) -> Draft:
    """Return the OML O21 or ORM O01 of a ServiceRequest."""
    request = setting.resource
    draft = Draft("OML", "O21", "OML_O21") if setting.partner.orders == "OML" else Draft("ORM", "O01", "ORM_O01")
    add_patient(draft, setting, subject(setting, request.get("subject"), "ServiceRequest.subject"))
    add_visit(draft, setting, request.get("encounter"))
    draft.add("ORC", _common(setting))
    if draft.type == "OML":
        draft.add("TQ1", {1: "1", **_timing(request, setting)})
    draft.add("OBR", _detail(request, setting))
    draft.notes([*annotations(request.get("note")), request.get("patientInstruction", "")])
    _add_reasons(draft, setting)
    _add_information(draft, setting)
    if draft.type == "OML":
        for place, specimen in enumerate(setting.every(request.get("specimen")), 1):
            add_specimen(draft, setting, specimen, place)
    return draft


def _control(setting: Setting) -> str:
    """Return ORC-1: a new order, a change of one, or what its status means."""
    if setting.event == "delete":
        return "CA"
    return code("order-control", setting.resource.get("status")) or ("NW" if setting.event == "create" else "XO")


def _numbers(request: Resource, setting: Setting) -> dict[int, Value]:
    """Return placer and filler number; the request's id stands in for a placer number."""
    identifiers = request.get("identifier", ())
    filler = next((one for one in identifiers if kind_of(one) == "FILL"), None)
    placer = next((one for one in identifiers if kind_of(one) != "FILL"), {"value": request.get("id", "")})
    return {2: ei(placer, setting.partner), 3: ei(filler, setting.partner)}


def _common(setting: Setting) -> dict[int, Value]:
    request = setting.resource
    return {
        1: _control(setting),
        **_numbers(request, setting),
        4: ei(request.get("requisition"), setting.partner),
        5: code("order-status", request.get("status")),
        # What OML says in TQ1, ORM has no other place for.
        7: _old_timing(request) if setting.partner.orders == "ORM" else "",
        9: time(request.get("authoredOn")),
        12: person(request.get("requester"), setting),
    }


def _detail(request: Resource, setting: Setting) -> dict[int, Value]:
    callbacks = [
        one.get("valueContactPoint", {}) for one in request.get("extension", ()) if one.get("url") == _CALLBACK
    ]
    return {
        1: "1",
        **_numbers(request, setting),
        4: ce(request.get("code"), setting.partner),
        16: person(request.get("requester"), setting),
        17: Repeated(filter(None, map(xtn, callbacks))),
        27: _old_timing(request) if setting.partner.orders == "ORM" else "",
        31: Repeated(filter(None, (ce(one, setting.partner) for one in request.get("reasonCode", ())))),
    }


def _ends(request: Resource) -> tuple[str, str]:
    period = request.get("occurrencePeriod", {})
    return time(request.get("occurrenceDateTime") or period.get("start")), time(period.get("end"))


def _timing(request: Resource, setting: Setting) -> dict[int, Value]:
    """Return the fields of TQ1."""
    start, end = _ends(request)
    amount = request.get("quantityQuantity", {})
    asked = (number(amount["value"]), tuple(map(str, units(amount, setting.partner)))) if "value" in amount else ""
    priority = code("priority", request.get("priority"), "R")
    return {2: asked, 7: start, 8: end, 9: (priority, request.get("priority", "routine"), "HL70485")}


def _old_timing(request: Resource) -> Value:
    """Return TQ, as it stood in ORC-7 and OBR-27."""
    start, end = _ends(request)
    return ("", "", "", start, end, code("priority", request.get("priority"), "R"))


def _add_reasons(draft: Draft, setting: Setting) -> None:
    conditions = [
        one for one in setting.every(setting.resource.get("reasonReference")) if one["resourceType"] == "Condition"
    ]
    for place, condition in enumerate(conditions, 1):
        draft.add(
            "DG1",
            {
                1: str(place),
                3: ce(condition.get("code"), setting.partner),
                5: time(condition.get("onsetDateTime") or condition.get("recordedDate")),
                6: "W",
            },
        )


def _add_information(draft: Draft, setting: Setting) -> None:
    following = 1
    for one in setting.every(setting.resource.get("supportingInfo")):
        if one.get("resourceType") == "Observation":
            following = add_observation(draft, setting, one, following)
