"""IN1: what a Coverage says of who pays.

Spec: https://hl7.org/fhir/R4/coverage.html
"""

from hl7_bridge.er7 import Value
from hl7_bridge.outbound.draft import Draft
from hl7_bridge.outbound.elements import Components, Element, cx, repeated, time, xad, xpn
from hl7_bridge.outbound.people import organization
from hl7_bridge.outbound.setting import Resource, Setting
from hl7_bridge.outbound.vocabulary import code, code_of


def add_insurance(draft: Draft, setting: Setting, coverage: Resource, set_id: int) -> None:
    """Add the IN1 of a Coverage."""
    about = setting.about(coverage)
    payor = next(iter(coverage.get("payor", ())), None)
    company = organization(payor, about) or ("unknown",)
    plan, group = _class(coverage, "plan"), _class(coverage, "group")
    period = coverage.get("period", {})
    draft.add(
        "IN1",
        {
            1: str(set_id),
            2: _plan(coverage, plan),
            3: _company_number(payor, about) or (str(company[0]),),
            4: company,
            8: group.get("value", ""),
            12: time(period.get("start", "")[:10]),
            13: time(period.get("end", "")[:10]),
            **_insured(coverage, about),
            36: _policy_number(coverage),
        },
    )


def _plan(coverage: Resource, plan: Element) -> Components:
    """Return IN1-2, which must not be empty: the plan, else the kind of coverage."""
    if plan:
        return (plan.get("value", ""), plan.get("name", ""))
    codings = coverage.get("type", {}).get("coding") or [{}]
    return (codings[0].get("code", "UNK"), codings[0].get("display", "") or coverage.get("type", {}).get("text", ""))


def _class(coverage: Resource, kind: str) -> Element:
    found: list[Element] = [
        one
        for one in coverage.get("class", ())
        if any(coding.get("code") == kind for coding in one.get("type", {}).get("coding", ()))
    ]
    return found[0] if found else {}


def _company_number(payor: Element | None, about: Setting) -> Components:
    found = about.get(payor) or {}
    identifiers = [*found.get("identifier", ()), *filter(None, [(payor or {}).get("identifier")])]
    return next((number for one in identifiers if (number := cx(one, about.partner))), ())


def _insured(coverage: Resource, about: Setting) -> dict[int, Value]:
    """Return who is insured: the subscriber, where known, and how the patient is related to it."""
    subscriber = about.get(coverage.get("subscriber")) or {}
    return {
        16: repeated(map(xpn, subscriber.get("name", ()))),
        17: code_of("subscriber", coverage.get("relationship")),
        18: time(subscriber.get("birthDate")),
        19: repeated(map(xad, subscriber.get("address", ()))),
        43: code("gender", subscriber.get("gender")),
    }


def _policy_number(coverage: Resource) -> str:
    identifiers = coverage.get("identifier", ())
    return str(coverage.get("subscriberId") or next((one["value"] for one in identifiers if one.get("value")), ""))
