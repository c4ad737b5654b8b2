"""Charges, credits and payments of FT1, and the accounts that they are posted to. Amounts are Decimal.

Spec: https://hl7.org/fhir/R4/chargeitem.html, https://hl7.org/fhir/R4/account.html
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hl7_bridge.actions import Reverse
from hl7_bridge.datatypes import codes, quantities, times
from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.parties import party
from hl7_bridge.functions.reading import take
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

CREDITS = frozenset({"CD", "CR"})
"""FT1-6 (table 0017; CR is what many billing systems write) of a transaction that takes back a charge."""


def charge_amount(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put quantity, and as priceOverride the amount of the whole line: FT1-11, else quantity times unit price.

    A credit is negative, however its sender writes it.
    """
    count = quantities.decimal(segment.field(10), context, None) if segment.value(10) not in ("", '""') else None
    if count is not None:
        draft.resource["quantity"] = {"value": count}
    total = amount(segment, 11, context)
    if total is None and (unit := amount(segment, 12, context) or amount(segment, 22, context)):
        total = {**unit, "value": unit["value"] * (Decimal(1) if count is None else count)}
    if total is None:
        return
    if is_credit(segment) and total["value"] > 0:
        total["value"] = -total["value"]
    draft.resource["priceOverride"] = total


def amount(segment: Segment, number: int, context: Context) -> Element | None:
    """Return the Money of a field (MO, CP or a bare number), or None.

    Errors: ConversionError naming the field when it holds no number
    """
    field = segment.field(number)
    if not field or field.is_null:
        return None
    try:
        return quantities.money(field, context, None)
    except BadValue as error:
        raise ConversionError("102", str(error), segment=segment.name, field=number) from None


def is_credit(segment: Segment) -> bool:
    return segment.value(6).strip().upper() in CREDITS


def charge_code(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put code: what the transaction is (FT1-7), the procedure that it stands for (FT1-25), its description."""
    found: list[Element] = []
    for number in (7, 25):
        field = segment.field(number)
        if field and not field.is_null and (concept := codes.codeable_concept(field, context, None)):
            found.append(concept)
    codings: list[Element] = []
    for one in (coding for concept in found for coding in concept.get("coding", ())):
        codings = [known for known in codings if not says_less(known, one)]
        if not any(known == one or says_less(one, known) for known in codings):
            codings.append(one)
    described = segment.value(8).strip() or segment.value(9).strip()
    text = described or next((concept["text"] for concept in found if "text" in concept), "")
    if codings or text:
        draft.resource["code"] = ({"coding": codings} if codings else {}) | ({"text": text} if text else {})


def says_less(one: Element, other: Element) -> bool:
    """Return whether a coding is the other one with less: without the system, or in the same one without more."""
    same = one.get("code") == other.get("code") and one.get("system", other.get("system")) == other.get("system")
    return same and one != other and one.keys() <= other.keys()


def charge_time(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put FT1-4 as occurrencePeriod when it is a range of time, else as occurrenceDateTime."""
    start, end = (times.date_time(segment.value(4, part), context.zone) for part in (1, 2))
    if start and end and start != end:
        draft.resource["occurrencePeriod"] = {"start": start, "end": end}
    elif start or end:
        draft.resource["occurrenceDateTime"] = start or end


def complete_charge(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish a charge: a credit for one of this very message takes that back, and is no charge of its own.

    A credit that names (FT1-2) a charge of an earlier message takes back that one, which only the store can tell.
    """
    if segment.name != "FT1" or not is_credit(segment):
        return
    taken_back = next((one for one in charges(outermost(scope)) if one is not draft and names_same(one, draft)), None)
    if taken_back is None:
        context.actions.append(Reverse(draft.full_url))
        return
    taken_back.resource["status"] = "aborted"
    context.drafts.remove(draft)


def outermost(scope: Scope) -> Scope:
    return list(scope.outwards())[-1]


def charges(scope: Scope) -> list[Draft]:
    """Return the charges of a scope, without credits."""
    return [one for one in scope.every("ChargeItem") if one.resource.get("priceOverride", {}).get("value", 0) >= 0]


def names_same(one: Draft, other: Draft) -> bool:
    return bool(one.resource.get("identifier")) and one.resource["identifier"] == other.resource.get("identifier")


def account_parties(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put who pays an account: coverages in their order (IN1-22, else IN1-1, else as sent), and guarantors of GT1."""
    covered: list[Element] = []
    guarantors: list[Element] = []
    for one in scope.inwards():
        if (coverage := one.drafts.get("Coverage")) is not None:
            covered.append({"coverage": coverage.reference, "priority": priority(one, len(covered) + 1)})
        if (paying := party(one, "RelatedPerson#guarantor", "Organization#guarantor", context=context)) is not None:
            guarantors.append({"party": paying, **responsibility(one, context)})
    if covered:
        draft.resource["coverage"] = sorted(covered, key=lambda one: int(one["priority"]))
    if guarantors:
        draft.resource["guarantor"] = guarantors


def priority(scope: Scope, position: int) -> int:
    """Return the place of a coverage in the order of benefits."""
    segment = next((one for one in scope.segments if one.name == "IN1"), None)
    for number in (22, 1):
        told = quantities.counted(segment.value(number)) if segment else None
        if told and told < 1000:
            return told
    return position


def responsibility(scope: Scope, context: Context) -> Element:
    """Return how and how long a guarantor answers for the account: GT1-13, GT1-14 and GT1-22."""
    segment = next(one for one in scope.segments if one.name == "GT1")
    ends = {name: moment(segment, number, context) for name, number in (("start", 13), ("end", 14))}
    period = {name: end for name, end in ends.items() if end}
    take(context, segment, "Account.guarantor", 13, 14, 22)
    held = codes.flag(segment.field(22), context, None)
    return ({"period": period} if period else {}) | ({} if held is None else {"onHold": held})


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "charge_amount": Function(charge_amount, (11, 10, 12, 22), "quantity, priceOverride"),
        "charge_code": Function(charge_code, (7, 8, 9, 25), "code"),
        "charge_time": Function(charge_time, (4,), "occurrence[x]"),
        "complete_charge": Function(complete_charge, (), "status"),
        "account_parties": Function(account_parties, (), "coverage, guarantor"),
    }
)
