"""Drafts of Invoice and Claim from the charges of a message, for sites whose maps ask for them.

Spec: https://hl7.org/fhir/R4/invoice.html, https://hl7.org/fhir/R4/claim.html
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import contacts, people
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.claims import PRIORITY, PROFESSIONAL
from hl7_bridge.functions.money import names_same
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

INSTITUTIONAL: Element = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]
}


def draft_invoice(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish the draft of an invoice: a line for each charge, and their sum; no invoice without charges."""
    charges = billable(scope, context)
    if not charges:
        context.drafts.remove(draft)
        return
    draft.resource["lineItem"] = [invoice_line(number, one) for number, one in enumerate(charges, 1)]
    if total := total_of(charges):
        draft.resource |= {"totalNet": total, "totalGross": total}
    if (sender := scope.message.header.field(4)) and (issuer := people.authority_organization(sender, context, None)):
        draft.resource["issuer"] = issuer
    known_by(draft, charges, context)


def billable(scope: Scope, context: Context) -> list[Draft]:
    """Return the charges and credits that are to be paid; not a charge that a credit takes back, nor that credit."""
    every = [one for one in scope.every("ChargeItem") if any(one is made for made in context.drafts)]
    open_ = [one for one in every if one.resource.get("status", "billable") == "billable"]
    return [one for one in open_ if not any(other is not one and names_same(one, other) for other in open_)]


def invoice_line(number: int, charge: Draft) -> Element:
    line: Element = {"sequence": number, "chargeItemReference": charge.reference}
    if amount := charge.resource.get("priceOverride"):
        line["priceComponent"] = [{"type": "base", "code": charge.resource["code"], "amount": amount}]
    return line


def total_of(charges: Sequence[Draft]) -> Element | None:
    """Return the sum of the charges; None when one has no price, or when they have several currencies."""
    amounts = [one.resource.get("priceOverride") for one in charges]
    known = [one for one in amounts if one]
    currencies = {one.get("currency") for one in known}
    if len(known) < len(amounts) or len(currencies) != 1:
        return None
    [currency] = currencies
    total = sum((one["value"] for one in known), Decimal(0))
    return {"value": total, "currency": currency} if currency else {"value": total}


def known_by(draft: Draft, charges: Sequence[Draft], context: Context) -> None:
    """Key a draft by the charges that it is made of: the same charges again are the same draft."""
    numbers = [identifier["value"] for one in charges for identifier in one.resource.get("identifier", ())[:1]]
    facts = numbers or [context.identity]
    identifier = derived_identifier(draft.type, context.sender.name, *facts)
    draft.resource["identifier"] = [identifier]
    draft.key = key_of(identifier)


def draft_claim(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish the draft of a claim: an item for each charge; no claim without charges and a coverage to claim from."""
    charges = billable(scope, context)
    coverages = sorted(scope.every("Coverage"), key=lambda one: int(one.resource.get("order", 1)))
    if not charges or not coverages:
        context.drafts.remove(draft)
        return
    claim = draft.resource
    claim["insurance"] = [
        {"sequence": number, "focal": number == 1, "coverage": one.reference} for number, one in enumerate(coverages, 1)
    ]
    for element, role, name in (
        ("diagnosis", "Condition", "diagnosisReference"),
        ("procedure", "Procedure", "procedureReference"),
    ):
        found = [{"sequence": number, name: one.reference} for number, one in enumerate(scope.every(role), 1)]
        if found:
            claim[element] = found
    claim["item"] = [claim_item(number, one) for number, one in enumerate(charges, 1)]
    if total := total_of(charges):
        claim["total"] = total
    visit = scope.find("Encounter")
    inpatient = visit is not None and visit.resource.get("class", {}).get("code") == "IMP"
    claim |= {"type": INSTITUTIONAL if inpatient else PROFESSIONAL, "priority": PRIORITY}
    claim["provider"] = provider_of(charges, scope, context)
    if (segment := scope.segment("ACC")) and (event := accident(segment, context)):
        claim["accident"] = event
    known_by(draft, charges, context)


def accident(segment: Segment, context: Context) -> Element | None:
    """Return Claim.accident of an ACC; None without the day that FHIR demands."""
    when = moment(segment, 1, context)
    if not when:
        return None
    found: Element = {"date": when[:10]}
    if code := kind_of_accident(segment):
        found["type"] = {"coding": [{"system": ACT_CODE, "code": code}]}
    place = contacts.address(segment.field(11), context, None) if segment.field(11) else None
    if place or (place := {"text": text} if (text := segment.value(3).strip(' "')) else None):
        found["locationAddress"] = place
    return found


def kind_of_accident(segment: Segment) -> str:
    """Return at work (ACC-5), of a vehicle (ACC-4 names its state), "" for what nobody says."""
    if segment.value(5).strip().upper() == "Y":
        return "WPA"
    return "MVA" if segment.value(4).strip(' "') else ""


ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def claim_item(number: int, charge: Draft) -> Element:
    """Return the item of a claim that a charge stands for."""
    known = charge.resource
    item: Element = {"sequence": number, "productOrService": known["code"]}
    if quantity := known.get("quantity"):
        item["quantity"] = quantity
    if "occurrencePeriod" in known:
        item["servicedPeriod"] = known["occurrencePeriod"]
    elif "occurrenceDateTime" in known:
        item["servicedDate"] = known["occurrenceDateTime"][:10]
    if price := known.get("priceOverride"):
        item["net"] = price
    if "context" in known:
        item["encounter"] = [known["context"]]
    return item


def provider_of(charges: Sequence[Draft], scope: Scope, context: Context) -> Element:
    """Return who claims: the facility that sends the charges, else who performed the first of them."""
    sender = scope.message.header.field(4)
    if sender and (facility := people.authority_organization(sender, context, None)):
        return facility
    performers = [one["actor"] for charge in charges for one in charge.resource.get("performer", ())]
    return performers[0] if performers else {"display": "unknown"}


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {"draft_invoice": Function(draft_invoice), "draft_claim": Function(draft_claim)}
)
