"""The clinic's patients and their health insurance.

Spec: https://hl7.org/fhir/R4/patient.html, https://hl7.org/fhir/R4/coverage.html
"""

from dataclasses import dataclass
from datetime import date, timedelta

from fhir_server.demo.drafting import TERMINOLOGY, Dice, Drafted, concept, identifier
from fhir_server.demo.staff import Doctor, Staff
from fhir_server.kernel.types import Resource

_OLDEST_DAYS, _YOUNGEST_DAYS = 88 * 365, 2 * 365
_MARITAL_STATUS = (("S", "Never Married"), ("M", "Married"), ("D", "Divorced"), ("W", "Widowed"))
_ADULT_DAYS = 18 * 365


@dataclass(frozen=True, slots=True)
class Person:
    """A patient, the doctor whom the patient sees, and the coverage."""

    patient: Drafted
    doctor: Doctor
    coverage: Drafted


def person(dice: Dice, staff: Staff, today: date, number: int) -> Person:
    """Return the clinic's patient of this number."""
    doctor = dice.one(staff.doctors)
    gender = dice.one(("female", "male"))
    given, family = dice.one(dice.words["given_names"][gender]), dice.one(dice.words["family_names"])
    age_days = dice.random.randint(_YOUNGEST_DAYS, _OLDEST_DAYS)
    resource: Resource = {
        "identifier": [_record_number(number)],
        "active": True,
        "name": [{"use": "official", "family": family, "given": [given]}],
        "telecom": _telecom(number),
        "gender": gender,
        "birthDate": (today - timedelta(days=age_days)).isoformat(),
        "address": [_home(dice)],
        "generalPractitioner": [doctor.practitioner.reference],
        "managingOrganization": staff.organization.reference,
    }
    if age_days > _ADULT_DAYS:
        resource["maritalStatus"] = concept(TERMINOLOGY + "v3-MaritalStatus", *dice.one(_MARITAL_STATUS))
    patient = dice.draft("Patient", resource, f"{given} {family}")
    return Person(patient, doctor, _coverage(dice, staff, patient, today, number))


def _record_number(number: int) -> Resource:
    return {
        "use": "usual",
        "type": concept(TERMINOLOGY + "v2-0203", "MR", "Medical record number"),
        **identifier("record-number", f"P{number:04}"),
    }


def _telecom(number: int) -> list[Resource]:
    return [
        {"system": "phone", "value": f"555-01{number:02}", "use": "home"},
        {"system": "email", "value": f"patient{number}@example.org"},
    ]


def _home(dice: Dice) -> Resource:
    clinic = dice.words["clinic"]
    return {
        "use": "home",
        "line": [f"{dice.random.randint(1, 99)} {dice.one(dice.words['streets'])}"],
        "city": clinic["city"],
        "postalCode": clinic["postal_code"],
        "country": clinic["country"],
    }


def _coverage(dice: Dice, staff: Staff, patient: Drafted, today: date, number: int) -> Drafted:
    payer = dice.one(staff.payers)
    return dice.draft(
        "Coverage",
        {
            "identifier": [identifier("member", f"M{number:06}")],
            "status": "active",
            "type": concept(TERMINOLOGY + "v3-ActCode", "HIP", "health insurance plan policy"),
            "subscriber": patient.reference,
            "subscriberId": f"M{number:06}",
            "beneficiary": patient.reference,
            "relationship": concept(TERMINOLOGY + "subscriber-relationship", "self", "Self"),
            "period": {"start": f"{today.year}-01-01", "end": f"{today.year}-12-31"},
            "payor": [payer.reference],
        },
        payer.display,
    )
