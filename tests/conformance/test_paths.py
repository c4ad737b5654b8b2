"""Search parameter expressions as closures: every one of the standard compiles, and selects what FHIRPath says."""

import gzip
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from conformance import definitions
from conformance.paths import PathError, Typed, compile, compile_composite, compile_from

SYNTHEA = Path(__file__).parents[3] / "shared" / "data" / "synthea"

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"tag": [{"code": "t"}], "profile": ["http://x/p"]},
    "active": True,
    "name": [{"family": "Doe", "given": ["Ann", None], "_given": [None, {"extension": [{"url": "u"}]}]}, {"text": "A"}],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}, {"value": "3"}],
    "_birthDate": {"extension": [{"url": "http://x/time", "valueDateTime": "2024-05-17"}]},
    "deceasedDateTime": "2024",
    "extension": [{"url": "http://x/e", "valueString": "s"}, {"url": "http://x/f", "valueCode": "c"}],
    "generalPractitioner": [
        {"reference": "Practitioner/1"},
        {"reference": "http://x/fhir/Organization/2"},
        {"reference": "urn:uuid:3", "type": "Practitioner"},
        {"display": "somebody"},
        {"_reference": {"extension": [{"url": "u", "valueCode": "unknown"}]}},
    ],
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "code": {"text": "bp"},
    "valueQuantity": {"value": Decimal("1.50")},
    "component": [
        {"code": {"text": "sys"}, "valueQuantity": {"value": 120}},
        {"code": {"text": "note"}, "valueString": "high"},
    ],
}
BUNDLE = {"resourceType": "Bundle", "entry": [{"resource": PATIENT}, {"resource": OBSERVATION}]}
PHONE, EMAIL, BARE = ((point, "ContactPoint") for point in PATIENT["telecom"])
GP = [(reference, "Reference") for reference in PATIENT["generalPractitioner"]]

CASES: list[tuple[str, dict[str, Any], list[Typed]]] = [
    ("Resource.id", PATIENT, [("p1", "id")]),
    ("DomainResource.extension.url", PATIENT, [("http://x/e", "uri"), ("http://x/f", "uri")]),
    ("Patient.meta.tag", PATIENT, [({"code": "t"}, "Coding")]),
    ("Patient.active", PATIENT, [(True, "boolean")]),
    ("active", PATIENT, [(True, "boolean")]),
    ("Patient.gender", PATIENT, []),
    ("Patient.contact.name", PATIENT, []),
    ("Patient.name.family | Person.name.family", PATIENT, [("Doe", "string")]),
    ("Patient.name.given", PATIENT, [("Ann", "string")]),
    ("Patient.name.given.extension.url", PATIENT, [("u", "uri")]),
    ("Patient.birthDate", PATIENT, []),
    ("Patient.birthDate.extension('http://x/time').value", PATIENT, [("2024-05-17", "dateTime")]),
    ("Patient.extension('http://x/e').value as string", PATIENT, [("s", "string")]),
    ("Patient.extension.value as string", PATIENT, [("c", "code"), ("s", "string")]),
    ("Patient.telecom.where(system='phone')", PATIENT, [PHONE]),
    ("Patient.telecom.where(system != 'phone')", PATIENT, [EMAIL]),
    ("Patient.telecom.where(system = 'phone' or value = '3')", PATIENT, [PHONE, BARE]),
    ("Patient.telecom.where(system.empty() and value.exists())", PATIENT, [BARE]),
    ("Patient.telecom.where(system.exists() implies system = 'email')", PATIENT, [EMAIL, BARE]),
    ("Patient.telecom.where(system = 'sms' xor value = '1')", PATIENT, [PHONE]),
    ("Patient.telecom.where((system = 'phone').not())", PATIENT, [EMAIL]),
    ("Patient.telecom.where(value)", PATIENT, [PHONE, EMAIL, BARE]),
    ("Patient.telecom.where({} = system)", PATIENT, []),
    ("Patient.telecom.first()", PATIENT, [PHONE]),
    ("Patient.telecom.last() | Patient.telecom[1]", PATIENT, [BARE, EMAIL]),
    ("Patient.telecom.tail()[7]", PATIENT, []),
    ("(Patient.telecom | Patient.deceased)[3]", PATIENT, [("2024", "dateTime")]),
    ("Patient.telecom.where($this.system = 'email').value", PATIENT, [("2", "string")]),
    ("Patient.generalPractitioner.where(resolve() is Practitioner)", PATIENT, [GP[0], GP[2]]),
    ("Patient.generalPractitioner.where(resolve().is(Organization))", PATIENT, [GP[1]]),
    ("Patient.deceased", PATIENT, [("2024", "dateTime")]),
    ("Patient.deceased as boolean", PATIENT, []),
    ("Patient.deceased.ofType(FHIR.dateTime)", PATIENT, [("2024", "dateTime")]),
    ("Patient.deceased.as(DateTime)", PATIENT, [("2024", "dateTime")]),
    ("Patient.deceased.exists() and Patient.deceased != false", PATIENT, [(True, "boolean")]),
    ("Patient.deceased.exists() and Patient.deceased != false", {}, [(False, "boolean")]),
    ("Patient.deceased.exists() and Patient.deceased != false", {"deceasedBoolean": False}, [(False, "boolean")]),
    ("Patient.deceased.exists() and Patient.deceased != false", {"deceasedBoolean": True}, [(True, "boolean")]),
    ("Patient.deceased is dateTime", PATIENT, [(True, "boolean")]),
    ("Patient.deceased is boolean", PATIENT, [(False, "boolean")]),
    ("Patient.deceased is boolean", {}, []),
    ("Patient.multipleBirth = 1", {"multipleBirthBoolean": True}, [(False, "boolean")]),
    ("Patient.telecom.exists(system = 'email')", PATIENT, [(True, "boolean")]),
    ("Patient.hasExtension('http://x/e')", PATIENT, [(True, "boolean")]),
    ("(Observation.value as Quantity).value", OBSERVATION, [(Decimal("1.50"), "decimal")]),
    ("Observation.component.value", OBSERVATION, [({"value": 120}, "Quantity"), ("high", "string")]),
    ("Observation.component.where(value.value >= 120).code.text", OBSERVATION, [("sys", "string")]),
    ("Observation.component.where(120.0 < value.value)", OBSERVATION, []),
    ("Observation.component.where(value.value <= 119)", OBSERVATION, []),
    ("Observation.component.where(value.value > 119.5).code.text", OBSERVATION, [("sys", "string")]),
    ("Observation.component", OBSERVATION, [(c, "Observation.component") for c in OBSERVATION["component"]]),
    ("Bundle.entry[0].resource", BUNDLE, [(PATIENT, "Patient")]),
    ("Bundle.entry.resource.ofType(Observation).code.text", BUNDLE, [("bp", "string")]),
    ("ConceptMap.source as uri", {"sourceCanonical": "http://x"}, [("http://x", "canonical")]),
    ("ConceptMap.source as canonical", {"sourceUri": "http://x"}, []),
    ("Communication.instantiatesUri", {"instantiatesUri": ["a", None]}, [("a", "uri")]),
    ("Condition.onset.as(Quantity)", {"onsetAge": {"value": 3}}, [({"value": 3}, "Age")]),
]


@pytest.mark.parametrize(
    ("expression", "resource", "expected"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_an_expression_selects_typed_values(
    expression: str, resource: dict[str, Any], expected: Sequence[Typed]
) -> None:
    type_ = resource.get("resourceType") or expression.lstrip("(").split(".")[0]
    assert list(compile(expression, type_, definitions())(resource)) == expected


def test_a_context_must_be_a_type() -> None:
    with pytest.raises(PathError):
        compile_from("value", "Nothing", definitions())


def test_a_context_may_be_any_type() -> None:
    extract = compile_from("value.as(Quantity) | value.as(Range)", "UsageContext", definitions())
    assert list(extract({"valueRange": {}})) == [({}, "Range")]


def test_a_composite_gives_whole_contexts_only() -> None:
    compose = compile_composite(
        "Observation | Observation.component", ["code", "value.as(Quantity)"], "Observation", definitions()
    )
    assert [[list(part) for part in parts] for parts in compose(OBSERVATION)] == [
        [[({"text": "bp"}, "CodeableConcept")], [({"value": Decimal("1.50")}, "Quantity")]],
        [[({"text": "sys"}, "CodeableConcept")], [({"value": 120}, "Quantity")]],
    ]


def test_a_component_may_start_at_the_resource() -> None:
    parameter = definitions().search_parameters["MolecularSequence"]["referenceseqid-variant-coordinate"]
    expressions = [component.expression for component in parameter.components]
    compose = compile_composite(parameter.expression or "", expressions, "MolecularSequence", definitions())
    sequence = {"referenceSeq": {"referenceSeqId": {"text": "NC_1"}}, "variant": [{"start": 1, "end": 2}]}
    assert [[list(part) for part in parts] for parts in compose(sequence)] == [
        [[({"text": "NC_1"}, "CodeableConcept")], [(1, "integer")], [(2, "integer")]]
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "Patient.nothing",
        "Patient.name.where(family > 'A')",
        "Patient.name.where(period.start > @2024)",
        "Patient.name.where('a' < 1)",
        "Patient.name.nothing",
        "Patient.name.select(given)",
        "Patient.managingOrganization.resolve().name",
        "Patient.name.exists(family, given)",
        "Patient.name.where()",
        "Patient.deceased as Nothing",
        "Patient.extension(name)",
        "1 + 1",
        "%resource.name.where(%context.a)",
        "exists(1, 2)",
        "Patient.managingOrganization.reference.first().extension",
    ],
)
def test_what_search_does_not_support_is_refused(expression: str) -> None:
    with pytest.raises(PathError):
        compile(expression, "Patient", definitions())


def test_every_search_parameter_of_the_standard_compiles() -> None:
    known = definitions()
    compiled = 0
    for type_, parameters in known.search_parameters.items():
        for parameter in parameters.values():
            if parameter.components:
                expressions = [component.expression for component in parameter.components]
                compile_composite(parameter.expression or "", expressions, type_, known)
            elif parameter.expression:
                compile(parameter.expression, type_, known)
            compiled += parameter.expression is not None
    assert compiled > 2500


@pytest.mark.skipif(not SYNTHEA.exists(), reason="the Synthea bundles are not here")
def test_no_parameter_fails_on_real_resources() -> None:
    known, seen = definitions(), 0
    bundle = json.loads(gzip.decompress(min(SYNTHEA.glob("*.json.gz")).read_bytes()))
    for resource in (entry["resource"] for entry in bundle["entry"]):
        for parameter in known.search_parameters[resource["resourceType"]].values():
            if parameter.expression:
                seen += len(compile(parameter.expression, resource["resourceType"], known)(resource))
    assert seen > 1000
