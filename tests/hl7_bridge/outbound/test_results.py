"""Observations as OBX."""

from typing import Any

import pytest

from hl7_bridge.er7 import Message
from tests.hl7_bridge.outbound.scene import GLUCOSE, LOINC, SPECIMEN, er7, observation, report, told


def result(**parts: Any) -> Message:
    one = observation("o7", **parts)
    return told(report(one), one)


def test_a_number_is_told_with_unit_range_and_performers() -> None:
    message = told(report(GLUCOSE))
    assert er7(message, "OBX") == (
        "OBX|1|NM|o1-1^test o1^LN||90.50|mg/dL^mg/dL^UCUM|70-105|N|||F|||20240305101500+0100||"
        "1234567893^House^Greg^^^^^^NPI^L|||||||Healthfund^^^^^NAIC^^^^PAY01"
    )
    assert er7(message, "NTE") == "NTE|1||fasting \\F\\ ok"


@pytest.mark.parametrize(
    ("value", "kind", "told_as"),
    [
        ({"valueQuantity": {"value": 5, "comparator": "<", "unit": "u"}}, "SN", "<^5"),
        ({"valueQuantity": {"unit": "trace"}}, "ST", "trace"),
        (
            {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": "A", "display": "B"}], "text": "C"}},
            "CWE",
            "A^B^LN^^^^^^C",
        ),
        ({"valueCodeableConcept": {"text": "only text"}}, "CWE", "^only text"),
        ({"valueString": "short"}, "ST", "short"),
        ({"valueString": "two\nlines"}, "TX", "two\\.br\\lines"),
        ({"valueBoolean": False}, "CWE", "N^No^HL70136"),
        ({"valueInteger": 7}, "NM", "7"),
        ({"valueRange": {"low": {"value": 1}, "high": {"value": 3}}}, "SN", "^1^-^3"),
        ({"valueRange": {"low": {"value": 1}}}, "SN", ">=^1"),
        ({"valueRange": {"high": {"value": 3}}}, "SN", "<=^3"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "SN", "^1^:^128"),
        ({"valuePeriod": {"start": "2024-01-01", "end": "2024-01-02"}}, "DR", "20240101^20240102"),
        ({"valueDateTime": "2024-03-05"}, "TS", "20240305"),
        ({"valueTime": "10:20:00"}, "TM", "102000"),
        (
            {"valueSampledData": {"origin": {"value": 0, "unit": "mV"}, "period": 10, "data": "1 2 3"}},
            "TX",
            "1 2 3 (mV, every 10 ms)",
        ),
    ],
)
def test_each_kind_of_value_has_its_data_type(value: dict[str, Any], kind: str, told_as: str) -> None:
    segment = result(**value).every("OBX")[0]
    assert (segment.value(2), segment.raw(5)) == (kind, told_as)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"low": {"value": 70}, "high": {"value": 105}}, "70-105"),
        ({"low": {"value": 70}}, ">=70"),
        ({"high": {"value": 105}}, "<=105"),
        ({"text": "negative"}, "negative"),
        ({}, ""),
    ],
)
def test_a_reference_range_is_text(limits: dict[str, Any], text: str) -> None:
    assert result(valueInteger=1, referenceRange=[limits]).every("OBX")[0].value(7) == text


def test_why_there_is_no_value_is_a_note_and_no_value() -> None:
    message = result(dataAbsentReason={"coding": [{"code": "error", "display": "Error"}]})
    assert (er7(message, "OBX")[:6], message.every("OBX")[0].raw(5)) == ("OBX|1|", "")
    assert er7(message, "NTE") == "NTE|1||no value: Error"


def test_components_share_a_sub_id() -> None:
    parts = [
        {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueQuantity": {"value": value, "unit": "mm[Hg]"}}
        for code, value in (("8480-6", 120), ("8462-4", 80))
    ]
    segments = result(component=parts).every("OBX")
    assert [(one.value(1), one.value(3), one.value(4), one.value(5)) for one in segments] == [
        ("1", "8480-6", "1", "120"),
        ("2", "8462-4", "1", "80"),
    ]


def test_members_of_a_panel_are_told_each_once() -> None:
    one, two = observation("o8", valueInteger=1), observation("o9", valueInteger=2)
    panel = observation("o7", hasMember=[{"reference": "Observation/o8"}, {"reference": "Observation/o9"}])
    segments = told(report(panel, one), panel, one, two).every("OBX")
    assert [segment.value(3) for segment in segments] == ["o8-1", "o9-1"]


def test_analysis_time_method_and_device_are_told() -> None:
    device = {"resourceType": "Device", "id": "v1", "identifier": [{"system": "urn:oid:1.9", "value": "AN-1"}]}
    one = observation(
        "o7",
        valueInteger=1,
        method={"text": "by hand"},
        device={"reference": "Device/v1"},
        extension=[
            {
                "url": "http://hl7.org/fhir/StructureDefinition/observation-analysisDateTime",
                "valueDateTime": "2024-03-05T10:00:00Z",
            }
        ],
    )
    (segment,) = told(report(one), one, device).every("OBX")
    assert (segment.raw(17), segment.raw(18), segment.raw(19)) == (
        "^by hand",
        "AN-1^^1.9^ISO",
        "20240305100000+0000",
    )


def test_specimens_are_told() -> None:
    message = told(report(GLUCOSE, specimen=[{"reference": "Specimen/s1"}]))
    assert er7(message, "SPM") == ("SPM|1|^S1&CITY||SER^^HL70487||||||||5^mL&mL&UCUM||haemolytic|||20240305090000+0000")


def test_a_specimen_of_unknown_type_says_so() -> None:
    bare = {"resourceType": "Specimen", "id": "s1"}
    message = told(report(GLUCOSE, specimen=[{"reference": "Specimen/s1"}]), bare)
    assert er7(message, "SPM") == "SPM|1|||UNK^unknown^HL70487"
    assert SPECIMEN["id"] == bare["id"]
