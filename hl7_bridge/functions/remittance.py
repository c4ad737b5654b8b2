"""Answers of insurers: IPR becomes ClaimResponse, PMT becomes PaymentReconciliation.

Spec: https://hl7.org/fhir/R4/claimresponse.html, https://hl7.org/fhir/R4/paymentreconciliation.html
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hl7_bridge.actions import Inherit
from hl7_bridge.datatypes import codes, people
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.claims import PROFESSIONAL, created, fill_unknown, mark, sequence_of
from hl7_bridge.functions.money import amount
from hl7_bridge.functions.parties import UNKNOWN
from hl7_bridge.functions.reading import leave, take
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

ADJUDICATION = "http://terminology.hl7.org/CodeSystem/adjudication"
SUBMITTED: Element = {"coding": [{"system": ADJUDICATION, "code": "submitted", "display": "Submitted Amount"}]}
BENEFIT: Element = {"coding": [{"system": ADJUDICATION, "code": "benefit", "display": "Benefit Amount"}]}
PAYMENT: Element = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/payment-type", "code": "payment"}]}
ADJUSTMENT: Element = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/payment-type", "code": "adjustment"}]
}
ADJUSTMENT_CATEGORY = "http://terminology.hl7.org/CodeSystem/v2-0564"


def complete_response(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish the answer to a claim: the claim itself, what was decided of each line, the sums."""
    response = draft.resource
    if (claim := scope.find("Claim#known")) is not None:
        response["request"] = claim.reference
        response |= {name: claim.resource[name] for name in ("use", "type", "patient") if known(claim, name)}
        if "patient" not in response:
            context.actions.append(Inherit(draft.full_url, "patient", claim.full_url))
    if (insurer := insurer_of(scope, context)) is not None:
        response.setdefault("insurer", insurer)
    lines = [
        decided(line, adjustments, number, context) for number, (line, adjustments) in enumerate(lines_of(scope), 1)
    ]
    if lines:
        response["item"] = lines
        if not scope.every_segment("ADJ"):
            # A remittance may repeat the lines alone: what the answer to the claim said of each of them stays.
            draft.weak.add("item")
    sums = [
        {"category": category, "amount": found}
        for category, found in ((SUBMITTED, submitted(scope, context)), (BENEFIT, amount(segment, 6, context)))
        if found
    ]
    if sums:
        response["total"] = sums
    if response.get("outcome") == "error":
        reason = codes.codeable_concept(segment.field(4), context, None)
        response["error"] = [{"code": reason or {"text": "rejected"}}]
    mark(context, scope, "PSS", 1, 2, 3, 4)
    mark(context, scope, "PSG", 1, 2, 3, 4, 5)
    demanded = {"type": PROFESSIONAL, "use": "claim", "patient": UNKNOWN, "insurer": UNKNOWN}
    fill_unknown(draft, demanded | created(None, context))


def known(draft: Draft, name: str) -> bool:
    return name in draft.resource and name not in draft.weak


def insurer_of(scope: Scope, context: Context) -> Element | None:
    """Return the insurer: IVC-11, else the facility that sends the answer."""
    invoice = scope.segment("IVC")
    named = people.organization(invoice.field(11), context, None) if invoice and invoice.field(11) else None
    sender = scope.message.header.field(4)
    return named or (people.authority_organization(sender, context, None) if sender else None)


def lines_of(scope: Scope) -> Iterator[tuple[Segment, Sequence[Segment]]]:
    """Yield the lines of an answer, each with its adjustments."""
    for one in scope.inwards():
        for line in one.segments:
            if line.name == "PSL":
                yield line, [segment for segment in one.segments if segment.name == "ADJ"]


def decided(line: Segment, adjustments: Sequence[Segment], number: int, context: Context) -> Element:
    """Return the ClaimResponse.item of a PSL and its ADJ."""
    leave(context, line, *REPEATED)
    take(context, line, "ClaimResponse.item", 3, 15, 16)
    found = [adjudication(one, context) for one in adjustments]
    if asked := amount(line, 16, context) or amount(line, 15, context):
        found.insert(0, {"category": SUBMITTED, "amount": asked})
    return {"itemSequence": sequence_of(line, number), "adjudication": found or [{"category": SUBMITTED}]}


REPEATED = (1, 2, 4, 6, 7, 9, 10, 11, 12, 13)
"""The fields of a line that only repeat the claim."""


def adjudication(segment: Segment, context: Context) -> Element:
    """Return the adjudication of an ADJ: a processing result (PR) is what is paid, anything else its own category."""
    leave(context, segment, 1, 2, 3)
    take(context, segment, "ClaimResponse.item", 4, 5, 7, 8)
    kind = segment.value(4).strip()
    found: Element = {"category": BENEFIT}
    if kind.upper() != "PR":
        found["category"] = (
            {"coding": [{"system": ADJUSTMENT_CATEGORY, "code": kind}]} if kind else {"text": "adjustment"}
        )
    reason = codes.codeable_concept(segment.field(7), context, None) if segment.field(7) else None
    if said := segment.value(8).strip():
        reason = {**(reason or {}), "text": said}
    if reason:
        found["reason"] = reason
    if paid := amount(segment, 5, context):
        found["amount"] = paid
    return found


def submitted(scope: Scope, context: Context) -> Element | None:
    """Return the sum of what was asked for: IVC-8, else PSS-4 when there is one section."""
    invoice = scope.segment("IVC")
    sections = scope.every_segment("PSS")
    found = amount(invoice, 8, context) if invoice else None
    return found or (amount(sections[0], 4, context) if len(sections) == 1 else None)


def complete_payment(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish a payment: which answer each part of it belongs to, and adjustments that belong to none."""
    details: list[Element] = []
    for one in scope.inwards():
        response = one.drafts.get("ClaimResponse")
        if response is not None:
            details.append(part_of(response, one.find("Claim#known")))
    details += [adjusted(one, context) for one in scope.segments if one.name == "ADJ"]
    if details:
        draft.resource["detail"] = details
    issued = draft.resource.get("created") or context.occurred
    fill_unknown(
        draft, created(None, context) | ({"paymentDate": issued[:10]} if issued else {"_paymentDate": UNKNOWN})
    )


def part_of(response: Draft, claim: Draft | None) -> Element:
    """Return the detail of a payment that one answer stands for."""
    found: Element = {"type": PAYMENT, "response": response.reference}
    if claim is not None:
        found["request"] = claim.reference
    if "created" in response.resource:
        found["date"] = response.resource["created"][:10]
    if paid := response.resource.get("payment", {}).get("amount"):
        found["amount"] = paid
    return found


def adjusted(segment: Segment, context: Context) -> Element:
    """Return the detail of a payment that an ADJ for the payee stands for."""
    leave(context, segment, 1, 2, 3)
    take(context, segment, "PaymentReconciliation.detail", 5, 14)
    found: Element = {"type": ADJUSTMENT}
    if posted := moment(segment, 14, context):
        found["date"] = posted[:10]
    if paid := amount(segment, 5, context):
        found["amount"] = paid
    return found


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "complete_response": Function(complete_response),
        "complete_payment": Function(complete_payment),
    }
)
