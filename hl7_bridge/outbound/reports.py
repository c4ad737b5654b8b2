"""DiagnosticReport → ORU R01: one order with its results, specimens and documents.

Spec: https://hl7.org/fhir/R4/diagnosticreport.html
"""

from typing import Final

from hl7_bridge.er7 import Value
from hl7_bridge.outbound.draft import Draft
from hl7_bridge.outbound.elements import Components, Element, ce, ei, kind_of, repeated, time
from hl7_bridge.outbound.patients import add_patient, add_visit, subject
from hl7_bridge.outbound.people import person, person_within
from hl7_bridge.outbound.results import add_observation, add_specimen, with_members
from hl7_bridge.outbound.setting import Resource, Setting
from hl7_bridge.outbound.vocabulary import code

_SECTIONS: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"


def report_message(setting: Setting) -> Draft:
    """Return the ORU R01 of a DiagnosticReport."""
    report = setting.resource
    draft = Draft("ORU", "R01", "ORU_R01")
    add_patient(draft, setting, subject(setting, report.get("subject"), "DiagnosticReport.subject"))
    add_visit(draft, setting, report.get("encounter"))
    order = next(iter(setting.every(report.get("basedOn"))), {})
    numbers = _numbers(report, order, setting)
    draft.add("ORC", {1: "RE", **numbers})
    draft.add("OBR", {1: "1", **numbers, **_request(report, order, setting)})
    draft.notes([report.get("conclusion", "")])
    _add_results(draft, setting)
    for number, specimen in enumerate(setting.every(report.get("specimen")), 1):
        add_specimen(draft, setting, specimen, number)
    return draft


def _numbers(report: Resource, order: Resource, setting: Setting) -> dict[int, Value]:
    """Return placer and filler number, fields 2 and 3 of ORC and OBR; the report's id stands in for a filler number."""
    identifiers = report.get("identifier", [])
    placer = next((one for one in identifiers if kind_of(one) == "PLAC"), None) or next(
        (one for one in order.get("identifier", ()) if kind_of(one) in ("PLAC", "")), None
    )
    filler = next((one for one in identifiers if kind_of(one) != "PLAC"), {"value": report.get("id", "")})
    return {2: ei(placer, setting.partner), 3: ei(filler, setting.partner)}


def _request(report: Resource, order: Resource, setting: Setting) -> dict[int, Value]:
    period = report.get("effectivePeriod", {})
    return {
        4: ce(report.get("code"), setting.partner),
        7: time(report.get("effectiveDateTime") or period.get("start")),
        8: time(period.get("end")),
        16: person(order.get("requester"), setting.about(order)) if order else "",
        22: time(report.get("issued")),
        24: _section(report),
        25: code("report-status", report.get("status"), "F"),
        32: next((person_within(one, setting) for one in report.get("resultsInterpreter", ())), ()),
        34: repeated(person_within(one, setting) for one in report.get("performer", ()) if _is_person(one)),
    }


def _is_person(reference: Element) -> bool:
    return "Practitioner" in reference.get("reference", "")


def _section(report: Resource) -> str:
    codings = [coding for one in report.get("category", ()) for coding in one.get("coding", ())]
    return next((one.get("code", "") for one in codings if one.get("system") == _SECTIONS), "")


def _add_results(draft: Draft, setting: Setting) -> None:
    report, seen, following = setting.resource, set[int](), 1
    for top in setting.every(report.get("result")):
        for observation in with_members(top, setting, seen):
            following = add_observation(draft, setting, observation, following)
    status = code("observation-status", report.get("status"), "F")
    for number, document in enumerate(report.get("presentedForm", ()), following):
        kind, value = _document(document)
        name = ce(report.get("code"), setting.partner)
        draft.add("OBX", {1: str(number), 2: kind, 3: name, 5: value, 11: status})


def _document(attachment: Element) -> tuple[str, Components]:
    """Return an Attachment as ED, or as RP when it is elsewhere."""
    family, _, subtype = attachment.get("contentType", "application/octet-stream").partition("/")
    if "data" in attachment:
        return "ED", ("", family, subtype, "Base64", attachment["data"])
    return "RP", (attachment.get("url", ""), "", family, subtype)
