"""A clinic in a few resources, and the messages that tell of them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hl7_bridge.er7 import Message, parse
from hl7_bridge.outbound import Event, Known, Partner, assemble, compose

Resource = dict[str, Any]

LOINC = "http://loinc.org"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"

PATIENT: Resource = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [
        {"system": "urn:oid:1.2.36.146", "value": "778899", "type": {"coding": [{"system": TYPES, "code": "MR"}]}},
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "123-45-6789"},
    ],
    "name": [
        {"use": "official", "family": "Berg & Söhne", "given": ["Eva", "Maria"], "prefix": ["Dr"]},
        {"use": "maiden", "family": "Lind"},
    ],
    "gender": "female",
    "birthDate": "1979-04",
    "address": [{"use": "home", "line": ["4 Birch Rd", "c/o Lind"], "city": "Uppsala", "postalCode": "75310"}],
    "telecom": [
        {"system": "phone", "use": "home", "value": "+46 18 555"},
        {"system": "email", "value": "eva@example.org"},
        {"system": "phone", "use": "work", "value": "+46 8 1"},
        {"system": "phone", "use": "mobile", "value": "070 1"},
    ],
    "maritalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}]},
    "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "sv"}]}, "preferred": True}],
    "deceasedBoolean": False,
    "multipleBirthInteger": 2,
    "contact": [
        {
            "name": {"family": "Berg", "given": ["Erik"]},
            "relationship": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "SPS"}]}
            ],
            "telecom": [{"system": "phone", "value": "+46 18 556"}],
        }
    ],
    "generalPractitioner": [{"reference": "Practitioner/d1"}, {"reference": "Organization/g1"}],
}
DOCTOR: Resource = {
    "resourceType": "Practitioner",
    "id": "d1",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
    "name": [{"family": "House", "given": ["Greg"]}],
}
WARD: Resource = {"resourceType": "Location", "id": "w1", "name": "Ward 7"}
ROOM: Resource = {
    "resourceType": "Location",
    "id": "r1",
    "name": "Room 3",
    "identifier": [{"value": "R3"}],
    "physicalType": {"coding": [{"code": "ro"}]},
    "partOf": {"reference": "Location/w1"},
}
VISIT: Resource = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "in-progress",
    "class": {"code": "IMP"},
    "identifier": [{"value": "V1"}],
    "subject": {"reference": "Patient/p1"},
    "location": [{"location": {"reference": "Location/r1"}}],
    "participant": [
        {"type": [{"coding": [{"code": "ATND"}]}], "individual": {"reference": "Practitioner/d1"}},
        {"individual": {"reference": "Practitioner/d1"}},
    ],
    "period": {"start": "2024-03-01T08:00:00Z"},
}
SPECIMEN: Resource = {
    "resourceType": "Specimen",
    "id": "s1",
    "identifier": [{"value": "S1"}],
    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0487", "code": "SER"}]},
    "collection": {
        "collectedDateTime": "2024-03-05T09:00:00Z",
        "quantity": {"value": 5, "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL"},
    },
    "note": [{"text": "haemolytic"}],
}
CONDITION: Resource = {
    "resourceType": "Condition",
    "id": "c1",
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10", "display": "Hypertension"}]},
    "onsetDateTime": "2020",
}
INSURER: Resource = {
    "resourceType": "Organization",
    "id": "g1",
    "name": "Healthfund",
    "identifier": [{"system": "urn:hl7v2:authority:NAIC", "value": "PAY01"}],
}
COVERAGE: Resource = {
    "resourceType": "Coverage",
    "id": "k1",
    "status": "active",
    "beneficiary": {"reference": "Patient/p1"},
    "subscriber": {"reference": "Patient/p1"},
    "subscriberId": "POL-1",
    "relationship": {"coding": [{"code": "self"}]},
    "payor": [{"reference": "Organization/g1"}],
    "class": [
        {"type": {"coding": [{"code": "plan"}]}, "value": "GOLD", "name": "Gold Plan"},
        {"type": {"coding": [{"code": "group"}]}, "value": "GRP-22"},
    ],
    "period": {"start": "2024-01-01", "end": "2024-12-31"},
}
ORDER: Resource = {
    "resourceType": "ServiceRequest",
    "id": "q1",
    "status": "active",
    "intent": "order",
    "identifier": [{"system": "urn:oid:1.2.3.8", "value": "P55"}],
    "requisition": {"value": "GRP-1"},
    "code": {"coding": [{"system": LOINC, "code": "24323-8", "display": "Panel"}]},
    "subject": {"reference": "Patient/p1"},
    "encounter": {"reference": "Encounter/e1"},
    "requester": {"reference": "Practitioner/d1"},
    "authoredOn": "2024-03-04T10:00:00Z",
    "priority": "stat",
    "occurrenceDateTime": "2024-03-05",
    "reasonCode": [{"text": "tired"}],
    "reasonReference": [{"reference": "Condition/c1"}],
    "note": [{"text": "call me"}],
    "specimen": [{"reference": "Specimen/s1"}],
    "supportingInfo": [{"reference": "Observation/o1"}],
}
APPOINTMENT: Resource = {
    "resourceType": "Appointment",
    "id": "a1",
    "status": "booked",
    "start": "2024-04-10T09:00:00+02:00",
    "end": "2024-04-10T09:30:00+02:00",
    "minutesDuration": 30,
    "serviceType": [{"coding": [{"system": "http://snomed.info/sct", "code": "11429006", "display": "Consultation"}]}],
    "reasonCode": [{"text": "check-up"}],
    "comment": "bring the x-ray",
    "participant": [
        {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
        {"actor": {"reference": "Practitioner/d1"}, "status": "accepted"},
        {"actor": {"reference": "Location/r1"}, "status": "accepted"},
        {"actor": {"reference": "Device/v1", "display": "MRI"}, "status": "tentative"},
    ],
}
CLAIM: Resource = {
    "resourceType": "Claim",
    "id": "m1",
    "status": "active",
    "use": "claim",
    "identifier": [{"system": "urn:oid:1.2.7", "value": "INV-1"}],
    "type": {"coding": [{"code": "professional"}]},
    "patient": {"reference": "Patient/p1"},
    "created": "2024-03-04",
    "provider": {"reference": "Organization/g1"},
    "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/k1"}}],
    "careTeam": [{"sequence": 1, "provider": {"reference": "Practitioner/d1"}}],
    "diagnosis": [{"sequence": 1, "diagnosisReference": {"reference": "Condition/c1"}}],
    "item": [
        {
            "sequence": 1,
            "careTeamSequence": [1],
            "diagnosisSequence": [1],
            "productOrService": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "99213"}]},
            "servicedDate": "2024-03-01",
            "unitPrice": {"value": Decimal("312.40"), "currency": "USD"},
            "net": {"value": Decimal("312.40"), "currency": "USD"},
        },
        {
            "sequence": 2,
            "productOrService": {"coding": [{"code": "LAB"}]},
            "quantity": {"value": 2},
            "unitPrice": {"value": Decimal("100.00"), "currency": "USD"},
        },
    ],
}


def observation(id_: str, **parts: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": f"{id_}-1", "display": f"test {id_}"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-03-05T10:15:00+01:00",
        **parts,
    }


GLUCOSE = observation(
    "o1",
    valueQuantity={
        "value": Decimal("90.50"), "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"
    },
    referenceRange=[{"low": {"value": 70}, "high": {"value": 105}}],
    interpretation=[{"coding": [{"code": "N"}]}],
    performer=[{"reference": "Practitioner/d1"}, {"reference": "Organization/g1"}],
    note=[{"text": "fasting | ok"}],
)  # fmt: skip


def report(*results: Resource, **parts: Any) -> Resource:
    return {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "identifier": [{"system": "urn:oid:1.2.3.9", "value": "F77"}],
        "code": {"coding": [{"system": LOINC, "code": "24323-8", "display": "Panel"}]},
        "subject": {"reference": "Patient/p1"},
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": "2024-03-05T10:00:00Z",
        "issued": "2024-03-05T11:00:00.123Z",
        "result": [{"reference": f"Observation/{one['id']}"} for one in results],
        **parts,
    }


CLINIC = (PATIENT, DOCTOR, WARD, ROOM, VISIT, SPECIMEN, CONDITION, INSURER, COVERAGE, ORDER, GLUCOSE)


def known(*more: Resource) -> Known:
    return Known({f"{one['resourceType']}/{one['id']}": one for one in (*CLINIC, *more)})


def partner(**settings: Any) -> Partner:
    return Partner(sender=("FHIR", "CITY"), receiver=("LAB", "NORTH"), **settings)


def told(resource: Resource, *more: Resource, event: Event = "create", **settings: Any) -> Message:
    """Return the message that tells of a resource: composed, approved by hl7apy, and read again."""
    to = partner(**settings)
    draft = compose(resource, event, occurred="2024-03-05T12:00:00Z", known=known(*more), partner=to)
    return parse(assemble(draft, to, control_id="C1", at=datetime(2024, 3, 5, 12, tzinfo=UTC)))


def er7(message: Message, name: str, number: int = 1) -> str:
    """Return the n-th segment of a name as text."""
    return message.every(name)[number - 1].er7


def without(resource: Resource, *names: str) -> Resource:
    return {name: value for name, value in resource.items() if name not in names}
