"""The medical record: past encounters with what was measured, found and prescribed.

Spec: https://hl7.org/fhir/R4/clinicalsummary-module.html, https://hl7.org/fhir/R4/observation-vitalsigns.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from fhir_server.demo.drafting import (
    LOINC,
    RXNORM,
    SNOMED,
    TERMINOLOGY,
    UCUM,
    Dice,
    Drafted,
    Vocabulary,
    concept,
    instant,
    period,
    written,
)
from fhir_server.demo.people import Person
from fhir_server.kernel.types import Resource

_YEARS_BACK_DAYS = 3 * 365
_LEAST_VISITS, _MOST_VISITS = 2, 5
_MOST_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class Visit:
    """One past encounter: its row of the vocabulary, its start, and what came of it."""

    kind: Vocabulary
    start: datetime
    encounter: Drafted
    findings: tuple[Drafted, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A patient's record; problems are stated at the first visit, so everything can refer to that encounter."""

    visits: tuple[Visit, ...]
    conditions: tuple[Drafted, ...]
    prescriptions: tuple[Drafted, ...]

    def drafted(self) -> Iterator[Drafted]:
        for visit in self.visits:
            yield visit.encounter
            yield from visit.findings
        yield from self.conditions
        yield from self.prescriptions


def record(dice: Dice, person: Person, organization: Drafted, today: date) -> Record:
    """Return one patient's record up to yesterday."""
    count = dice.random.randint(_LEAST_VISITS, _MOST_VISITS)
    days = sorted(dice.random.sample(range(1, _YEARS_BACK_DAYS), count), reverse=True)
    problems = dice.some(dice.words["problems"], _MOST_PROBLEMS)
    labs = {code for problem in problems for code in problem["labs"]}
    rows = [row for row in dice.words["measurements"] if row["category"] == "vital-signs" or row["code"] in labs]
    visits = tuple(_visit(dice, person, organization, rows, today - timedelta(days=back)) for back in days)
    conditions = tuple(_condition(dice, person, visits[0], problem) for problem in problems)
    prescriptions = tuple(
        _prescription(dice, person, visits[-1], problem, condition)
        for problem, condition in zip(problems, conditions, strict=True)
    )
    return Record(visits, conditions, prescriptions)


def _visit(dice: Dice, person: Person, organization: Drafted, rows: Sequence[Vocabulary], day: date) -> Visit:
    kind = dice.one(dice.words["visits"])
    start = instant(day, dice.random.randint(9, 15), dice.one((0, 30)))
    doctor = person.doctor
    encounter = dice.draft(
        "Encounter",
        {
            "status": "finished",
            "class": {"system": TERMINOLOGY + "v3-ActCode", "code": "AMB", "display": "ambulatory"},
            "type": [concept(SNOMED, kind["code"], kind["display"])],
            "subject": person.patient.reference,
            "participant": [{"individual": doctor.practitioner.reference}],
            "period": period(start, kind["minutes"]),
            "location": [{"location": doctor.room.reference}],
            "serviceProvider": organization.reference,
        },
    )
    measured = (_measurement(dice, person, encounter, row, start) for row in rows)
    return Visit(kind, start, encounter, (_blood_pressure(dice, person, encounter, start), *measured))


def _observation(person: Person, encounter: Drafted, category: str, code: Resource, start: datetime) -> Resource:
    return {
        "status": "final",
        "category": [concept(TERMINOLOGY + "observation-category", category, category.replace("-", " ").title())],
        "code": code,
        "subject": person.patient.reference,
        "encounter": encounter.reference,
        "effectiveDateTime": written(start + timedelta(minutes=10)),
        "issued": written(start + timedelta(minutes=25)),
        "performer": [person.doctor.practitioner.reference],
    }


def _measurement(dice: Dice, person: Person, encounter: Drafted, row: Vocabulary, start: datetime) -> Drafted:
    code = concept(LOINC, row["code"], row["display"])
    value = dice.number(row["low"], row["high"])
    judged = _judged(row, value) if "normal" in row else {}
    observation = _observation(person, encounter, row["category"], code, start)
    return dice.draft("Observation", {**observation, "valueQuantity": _quantity(row, value), **judged}, row["display"])


def _judged(row: Vocabulary, value: Decimal) -> Resource:
    low, high = map(Decimal, row["normal"])
    code, display = ("L", "Low") if value < low else ("H", "High") if value > high else ("N", "Normal")
    return {
        "interpretation": [concept(TERMINOLOGY + "v3-ObservationInterpretation", code, display)],
        "referenceRange": [{"low": _quantity(row, low), "high": _quantity(row, high)}],
    }


def _quantity(row: Vocabulary, value: Decimal) -> Resource:
    return {"value": value, "unit": row["unit"], "system": UCUM, "code": row["ucum"]}


def _blood_pressure(dice: Dice, person: Person, encounter: Drafted, start: datetime) -> Drafted:
    panel = concept(LOINC, "85354-9", "Blood pressure panel with all children optional")
    observation = _observation(person, encounter, "vital-signs", panel, start)
    row = {"unit": "mmHg", "ucum": "mm[Hg]"}
    components = [
        {"code": concept(LOINC, code, display), "valueQuantity": _quantity(row, dice.number(low, high))}
        for code, display, low, high in (
            ("8480-6", "Systolic blood pressure", "102", "168"),
            ("8462-4", "Diastolic blood pressure", "62", "98"),
        )
    ]
    return dice.draft("Observation", {**observation, "component": components}, "Blood pressure")


def _condition(dice: Dice, person: Person, visit: Visit, problem: Vocabulary) -> Drafted:
    return dice.draft(
        "Condition",
        {
            "clinicalStatus": concept(TERMINOLOGY + "condition-clinical", "active", "Active"),
            "verificationStatus": concept(TERMINOLOGY + "condition-ver-status", "confirmed", "Confirmed"),
            "category": [concept(TERMINOLOGY + "condition-category", "problem-list-item", "Problem List Item")],
            "code": concept(SNOMED, problem["code"], problem["display"]),
            "subject": person.patient.reference,
            "encounter": visit.encounter.reference,
            "onsetDateTime": visit.start.date().isoformat(),
            "recordedDate": written(visit.start),
            "recorder": person.doctor.practitioner.reference,
        },
        problem["display"],
    )


def _prescription(dice: Dice, person: Person, visit: Visit, problem: Vocabulary, condition: Drafted) -> Drafted:
    medicine = problem["medicine"]
    dose = {"value": Decimal(medicine["dose"]), "unit": medicine["unit"].strip("{}"), "system": UCUM}
    return dice.draft(
        "MedicationRequest",
        {
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": concept(RXNORM, medicine["code"], medicine["display"]),
            "subject": person.patient.reference,
            "encounter": visit.encounter.reference,
            "authoredOn": written(visit.start),
            "requester": person.doctor.practitioner.reference,
            "reasonReference": [condition.reference],
            "dosageInstruction": [
                {
                    "timing": {"repeat": {"frequency": medicine["per_day"], "period": 1, "periodUnit": "d"}},
                    "doseAndRate": [{"doseQuantity": {**dose, "code": medicine["unit"]}}],
                }
            ],
            "dispenseRequest": {"numberOfRepeatsAllowed": 3},
        },
        medicine["display"],
    )
