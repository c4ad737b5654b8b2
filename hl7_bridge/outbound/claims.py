"""Claim → EHC E01 (E02 when it is cancelled), or DFT P03 for receivers that take charges.

Spec: https://hl7.org/fhir/R4/claim.html
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from hl7_bridge.er7 import Value
from hl7_bridge.outbound.coverage import add_insurance
from hl7_bridge.outbound.draft import Draft, OutboundError
from hl7_bridge.outbound.elements import Components, Element, ce, cwe, ei, number, price, repeated, time, units
from hl7_bridge.outbound.patients import add_identity, add_visit, subject
from hl7_bridge.outbound.people import organization, person, place
from hl7_bridge.outbound.setting import Resource, Setting

_UNKNOWN_PARTY: Final = ("unknown",)
"""What stands in IVC-10 and IVC-11, which must not be empty."""

_PROCEDURES: Final = ("C4", "HPC", "HCPCS")
"""Code systems whose codes are procedures for FT1-25, not just positions of a price list."""


def claim_message(setting: Setting) -> Draft:
    """Return the EHC E01, EHC E02 or DFT P03 of a Claim.

    Errors: OutboundError when it has no items, or its patient is not known
    """
    claim = setting.resource
    if not claim.get("item"):
        raise OutboundError("Claim.item", "a message needs at least one")
    if setting.partner.claims == "DFT":
        return _charges(setting)
    if setting.event == "delete" or claim.get("status") in ("cancelled", "entered-in-error"):
        return _cancellation(setting)
    return _invoice(setting)


def _invoice(setting: Setting) -> Draft:
    claim = setting.resource
    draft = Draft("EHC", "E01", "EHC_E01", version="2.6")
    total = price(_total(claim))
    own = _number(claim, setting)
    draft.add("IVC", _invoice_fields(setting, "OR"))
    draft.add("PSS", {1: own, 3: "1", 4: total, 5: _heading(claim)})
    draft.add("PSG", {1: own, 3: "1", 4: "N", 5: total, 6: _heading(claim)})
    add_identity(draft, setting, subject(setting, claim.get("patient"), "Claim.patient"))
    encounters = [one for item in claim["item"] for one in item.get("encounter", ())]
    add_visit(draft, setting, encounters[0] if encounters else None)
    _add_coverages(draft, setting)
    for place_, (_, concept) in enumerate(_diagnoses(setting), 1):
        draft.add("DG1", {1: str(place_), 3: ce(concept, setting.partner), 6: "F"})
    for line in claim["item"]:
        draft.add("PSL", _service_line(line, setting))
    return draft


def _cancellation(setting: Setting) -> Draft:
    draft = Draft("EHC", "E02", "EHC_E02", version="2.6")
    draft.add("IVC", _invoice_fields(setting, "CN"))
    payee = organization(setting.resource.get("provider"), setting) or _UNKNOWN_PARTY
    draft.add("PYE", {1: "1", 2: "ORG", 4: payee})
    return draft


def _invoice_fields(setting: Setting, control: str) -> dict[int, Value]:
    claim = setting.resource
    return {
        1: _number(claim, setting),
        4: control,
        5: "NORM",
        6: "FS",
        7: time(claim.get("created")),
        8: price(_total(claim)),
        10: organization(claim.get("provider"), setting) or _UNKNOWN_PARTY,
        11: organization(_payer(setting), setting) or _UNKNOWN_PARTY,
        25: "UNK",
    }


def _number(claim: Resource, setting: Setting) -> Components:
    """Return the provider's number of the invoice; the claim's id when it has no other."""
    identifiers = claim.get("identifier") or [{"value": claim.get("id", "")}]
    return ei(identifiers[0], setting.partner)


def _payer(setting: Setting) -> Element | None:
    coverages = _coverages(setting)
    payors = coverages[0].get("payor", ()) if coverages else ()
    payer: Element | None = setting.resource.get("insurer") or next(iter(payors), None)
    return payer


def _heading(claim: Resource) -> str:
    kind = claim.get("type", {})
    codings = kind.get("coding") or [{}]
    return str(kind.get("text") or codings[0].get("display") or codings[0].get("code") or "services")


def _service_line(line: Element, setting: Setting) -> dict[int, Value]:
    claim = setting.resource
    net, unit = line.get("net"), line.get("unitPrice")
    sequence = str(line["sequence"])
    period = line.get("servicedPeriod", {})
    return {
        1: (sequence,),
        3: sequence,
        6: "P",
        7: cwe(line.get("productOrService"), setting.partner),
        9: line.get("productOrService", {}).get("text", ""),
        10: time(line.get("servicedDate") or period.get("start")),
        11: time(period.get("end")),
        12: _quantity(line, setting),
        13: price(unit),
        16: price(net or _product(line)),
        21: "N",
        29: next(_performers(claim, line, setting), ()),
    }


def _quantity(line: Element, setting: Setting) -> Components:
    amount = line.get("quantity", {})
    if "value" not in amount:
        return ()
    return (number(amount["value"]), tuple(map(str, units(amount, setting.partner))))


def _performers(claim: Resource, line: Element, setting: Setting) -> Iterator[Components]:
    """Yield who did the service of a line, by its care team, or the team's responsible one."""
    team = {one["sequence"]: one for one in claim.get("careTeam", ())}
    chosen = [team[one] for one in line.get("careTeamSequence", ()) if one in team]
    for one in chosen or [member for member in team.values() if member.get("responsible")]:
        if found := person(one.get("provider"), setting):
            yield found


def _charges(setting: Setting) -> Draft:
    claim = setting.resource
    draft = Draft("DFT", "P03", "DFT_P03")
    draft.add("EVN", {1: "P03", 2: time(setting.occurred)})
    add_identity(draft, setting, subject(setting, claim.get("patient"), "Claim.patient"))
    encounters = [one for item in claim["item"] for one in item.get("encounter", ())]
    add_visit(draft, setting, encounters[0] if encounters else None)
    diagnoses = dict(_diagnoses(setting))
    for set_id, line in enumerate(claim["item"], 1):
        draft.add("FT1", {1: str(set_id), **_charge(line, diagnoses, setting)})
    for set_id, concept in enumerate(diagnoses.values(), 1):
        draft.add("DG1", {1: str(set_id), 3: ce(concept, setting.partner), 6: "F"})
    _add_coverages(draft, setting)
    return draft


def _charge(line: Element, diagnoses: dict[int, Element], setting: Setting) -> dict[int, Value]:
    claim = setting.resource
    reversed_ = setting.event == "delete" or claim.get("status") in ("cancelled", "entered-in-error")
    period = line.get("servicedPeriod", {})
    own = _number(claim, setting)[0]
    service = ce(line.get("productOrService"), setting.partner)
    reasons = [diagnoses[one] for one in line.get("diagnosisSequence", ()) if one in diagnoses]
    return {
        2: f"{own}-{line['sequence']}",
        3: str(own),
        4: (time(line.get("servicedDate") or period.get("start") or claim.get("created")), time(period.get("end"))),
        5: time(claim.get("created")),
        6: "CD" if reversed_ else "CG",
        7: service,
        10: number(line["quantity"]["value"]) if "value" in line.get("quantity", {}) else "",
        11: price(line.get("net") or _product(line)),
        12: price(line.get("unitPrice")),
        16: place(line.get("locationReference"), setting),
        19: repeated(ce(one, setting.partner) for one in reasons),
        20: next(_performers(claim, line, setting), ()),
        25: service if service[2:3] and service[2] in _PROCEDURES else "",
    }


def _total(claim: Resource) -> Element | None:
    """Return the claim's total; without one the sum of its lines, when they are of one currency."""
    if "total" in claim:
        return dict(claim["total"])
    lines = [line.get("net") or _product(line) for line in claim["item"]]
    known = [line for line in lines if line and "value" in line]
    if not known or len({line.get("currency") for line in known}) > 1:
        return None
    return {**known[0], "value": sum((Decimal(str(line["value"])) for line in known), Decimal(0))}


def _product(line: Element) -> Element | None:
    """Return unit price × quantity × factor, in the currency of the price."""
    price = line.get("unitPrice")
    if not price or "value" not in price:
        return None
    count: Any = line.get("quantity", {}).get("value", 1)
    value = Decimal(str(price["value"])) * Decimal(str(count)) * Decimal(str(line.get("factor", 1)))
    return {**price, "value": value}


def _coverages(setting: Setting) -> list[Resource]:
    focal = sorted(
        setting.resource.get("insurance", ()), key=lambda one: (not one.get("focal"), one.get("sequence", 0))
    )
    return setting.every(one.get("coverage") for one in focal)


def _add_coverages(draft: Draft, setting: Setting) -> None:
    for set_id, coverage in enumerate(_coverages(setting), 1):
        add_insurance(draft, setting, coverage, set_id)


def _diagnoses(setting: Setting) -> Iterator[tuple[int, Element]]:
    """Yield the claim's diagnoses by their sequence number."""
    for one in setting.resource.get("diagnosis", ()):
        concept = one.get("diagnosisCodeableConcept") or (setting.get(one.get("diagnosisReference")) or {}).get("code")
        if concept:
            yield one["sequence"], concept
