"""What the visits of the past year cost: a claim to the insurance and an invoice to the patient for each.

Spec: https://hl7.org/fhir/R4/claim.html, https://hl7.org/fhir/R4/invoice.html
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from fhir_server.demo.drafting import (
    SNOMED,
    TERMINOLOGY,
    Dice,
    Drafted,
    concept,
    identifier,
    money,
    written,
)
from fhir_server.demo.people import Person
from fhir_server.demo.record import Record, Visit
from fhir_server.kernel.types import Resource

_PATIENT_SHARE = Decimal("0.20")
_CENT = Decimal("0.01")


def bills(dice: Dice, person: Person, record: Record, organization: Drafted, today: date) -> Iterator[Drafted]:
    """Yield claim and invoice of each visit of the last year."""
    for visit in record.visits:
        if visit.start.date() > today - timedelta(days=365):
            yield _claim(dice, person, visit, organization)
            yield _invoice(dice, person, visit, organization)


def _claim(dice: Dice, person: Person, visit: Visit, organization: Drafted) -> Drafted:
    price = money(Decimal(visit.kind["price"]), dice.words["clinic"]["currency"])
    item = {
        "sequence": 1,
        "productOrService": concept(SNOMED, visit.kind["code"], visit.kind["display"]),
        "servicedDate": visit.start.date().isoformat(),
        "quantity": {"value": Decimal(1)},
        "unitPrice": price,
        "net": price,
        "encounter": [visit.encounter.reference],
    }
    return dice.draft(
        "Claim",
        {
            "status": "active",
            "type": concept(TERMINOLOGY + "claim-type", "professional", "Professional"),
            "use": "claim",
            "patient": person.patient.reference,
            "billablePeriod": visit.encounter.resource["period"],
            "created": written(visit.start),
            "insurer": {"display": person.coverage.display},
            "provider": organization.reference,
            "priority": concept(TERMINOLOGY + "processpriority", "normal", "Normal"),
            "insurance": [{"sequence": 1, "focal": True, "coverage": person.coverage.reference}],
            "item": [item],
            "total": price,
        },
    )


def _invoice(dice: Dice, person: Person, visit: Visit, organization: Drafted) -> Drafted:
    share = (Decimal(visit.kind["price"]) * _PATIENT_SHARE).quantize(_CENT, ROUND_HALF_UP)
    amount = money(share, dice.words["clinic"]["currency"])
    number = f"{visit.start:%Y%m%d}-{person.patient.resource['identifier'][0]['value']}"
    line: Resource = {
        "sequence": 1,
        "chargeItemCodeableConcept": concept(SNOMED, visit.kind["code"], visit.kind["display"]),
        "priceComponent": [{"type": "base", "amount": amount}],
    }
    return dice.draft(
        "Invoice",
        {
            "identifier": [identifier("invoice", number)],
            "status": "balanced" if dice.chance(70) else "issued",
            "subject": person.patient.reference,
            "recipient": person.patient.reference,
            "date": written(visit.start),
            "issuer": organization.reference,
            "lineItem": [line],
            "totalNet": amount,
            "totalGross": amount,
        },
    )
