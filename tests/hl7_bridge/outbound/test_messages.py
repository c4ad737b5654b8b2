"""What is told comes back as the same facts when the bridge reads its own messages."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from hl7_bridge.convert import Converter
from hl7_bridge.er7 import Message
from hl7_bridge.outbound import COMPOSERS, OutboundError, compose
from hl7_bridge.structure import check
from tests.hl7_bridge.outbound.scene import (
    APPOINTMENT,
    CLAIM,
    GLUCOSE,
    LOINC,
    ORDER,
    PATIENT,
    Resource,
    known,
    observation,
    partner,
    report,
    told,
)


@cache
def converter() -> Converter:
    return Converter(zone=UTC)


def read_back(message: Message, type_: str) -> list[Resource]:
    conversion = converter().convert(message, received=datetime(2024, 3, 5, tzinfo=UTC))
    return [one.resource for one in conversion.entries if one.resource["resourceType"] == type_]


def the(message: Message, type_: str) -> Resource:
    (resource,) = read_back(message, type_)
    return resource


def facts(resource: Resource, *names: str) -> dict[str, Any]:
    return {name: resource.get(name) for name in names}


def test_a_patient_comes_back() -> None:
    patient = the(told(PATIENT), "Patient")
    assert facts(patient, "name", "gender", "birthDate", "address", "communication", "deceasedBoolean") == facts(
        PATIENT, "name", "gender", "birthDate", "address", "communication", "deceasedBoolean"
    )
    assert {(one["system"], one["value"]) for one in patient["identifier"]} == {
        (one["system"], one["value"]) for one in PATIENT["identifier"]
    }
    assert {(one["system"], one["value"], one.get("use")) for one in patient["telecom"]} >= {
        (one["system"], one["value"], one["use"]) for one in PATIENT["telecom"] if "use" in one
    }
    assert patient["maritalStatus"]["coding"][0]["code"] == "M"
    assert patient["multipleBirthInteger"] == 2


VALUES: list[dict[str, Any]] = [
    {"valueQuantity": {"value": Decimal("90.50"), "unit": "mg/dL"}},
    {"valueQuantity": {"value": Decimal(5), "comparator": "<", "unit": "u"}},
    {
        "valueCodeableConcept": {
            "coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "x"}],
            "text": "X",
        }
    },
    {"valueString": "two\nlines | & ^ ~ \\"},
    {"valueRatio": {"numerator": {"value": Decimal(1)}, "denominator": {"value": Decimal(128)}}},
    {"valueRange": {"low": {"value": Decimal(1)}, "high": {"value": Decimal(3)}}},
    {"valueDateTime": "2024-03-05"},
    {"valueTime": "10:20:00"},
    {"valuePeriod": {"start": "2024-01-01", "end": "2024-01-02"}},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: next(iter(value)))
def test_a_result_comes_back(value: dict[str, Any]) -> None:
    one = observation("o7", **value)
    back = the(told(report(one), one), "Observation")
    assert {name: back.get(name) for name in value} == value
    assert facts(back, "status", "effectiveDateTime") == facts(one, "status", "effectiveDateTime")
    assert back["code"]["coding"] == one["code"]["coding"]


def test_a_report_comes_back() -> None:
    message = told(report(GLUCOSE, specimen=[{"reference": "Specimen/s1"}]))
    back = the(message, "DiagnosticReport")
    assert facts(back, "status", "issued") == {"status": "final", "issued": "2024-03-05T11:00:00.123+00:00"}
    assert ("urn:oid:1.2.3.9", "F77") in {(one["system"], one["value"]) for one in back["identifier"]}
    assert len(back["result"]) == 1
    (result,) = read_back(message, "Observation")
    assert result["interpretation"][0]["coding"][0]["code"] == "N"
    assert (result["referenceRange"][0]["low"]["value"], result["referenceRange"][0]["high"]["value"]) == (70, 105)
    assert the(message, "Specimen")["collection"]["collectedDateTime"] == "2024-03-05T09:00:00+00:00"


def test_an_appointment_comes_back() -> None:
    back = the(told(APPOINTMENT), "Appointment")
    names = ("status", "start", "end", "minutesDuration", "comment", "reasonCode")
    assert facts(back, *names) == facts(APPOINTMENT, *names)
    assert [one["status"] for one in back["participant"]].count("tentative") == 1
    assert len(back["participant"]) == len(APPOINTMENT["participant"])


@pytest.mark.parametrize("status", ["cancelled", "noshow", "entered-in-error"])
def test_the_end_of_an_appointment_comes_back(status: str) -> None:
    assert the(told({**APPOINTMENT, "status": status}, event="update"), "Appointment")["status"] == status


@pytest.mark.parametrize("orders", ["OML", "ORM"])
@pytest.mark.parametrize("status", ["active", "revoked", "on-hold", "completed"])
def test_an_order_comes_back(orders: str, status: str) -> None:
    back = the(told({**ORDER, "status": status}, event="update", orders=orders), "ServiceRequest")
    assert facts(back, "status", "priority", "occurrenceDateTime") == facts(
        {**ORDER, "status": status}, "status", "priority", "occurrenceDateTime"
    )
    assert back["code"]["coding"] == ORDER["code"]["coding"]
    assert ("urn:oid:1.2.3.8", "P55") in {(one["system"], one["value"]) for one in back["identifier"]}


def test_charges_come_back() -> None:
    charges = read_back(told(CLAIM, claims="DFT"), "ChargeItem")
    assert [one["identifier"][0]["value"] for one in charges] == ["INV-1-1", "INV-1-2"]
    assert charges[0]["code"]["coding"][0] == {"system": "http://www.ama-assn.org/go/cpt", "code": "99213"}


def test_every_message_has_the_order_that_its_grammar_wants() -> None:
    messages = [
        told(PATIENT),
        told(report(GLUCOSE)),
        told(APPOINTMENT),
        told(ORDER),
        told(ORDER, orders="ORM"),
        told(CLAIM),
        told(CLAIM, claims="DFT"),
    ]
    assert [check(message) for message in messages] == [[]] * len(messages)


def test_each_type_that_is_told_is_in_the_table() -> None:
    assert sorted(COMPOSERS) == ["Appointment", "Claim", "DiagnosticReport", "Patient", "ServiceRequest"]


def test_of_other_types_no_message_tells() -> None:
    with pytest.raises(OutboundError, match="Basic"):
        compose({"resourceType": "Basic"}, "create", occurred="", known=known(), partner=partner())


def test_codes_of_a_result_may_be_of_a_house() -> None:
    one = observation(
        "o7", valueInteger=1, code={"coding": [{"system": "urn:oid:1.9.9", "code": "X1", "display": "x"}]}
    )
    back = the(told(report(one), one), "Observation")
    assert back["code"]["coding"] == one["code"]["coding"]
    assert LOINC not in str(back["code"])
