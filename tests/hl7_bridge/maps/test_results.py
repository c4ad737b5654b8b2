"""ORU and OUL: reports, observations of all value types, specimens, corrections."""

from decimal import Decimal
from typing import Any

import pytest

from hl7_bridge.convert import ConversionError
from tests.hl7_bridge.maps.converted import PATIENT, Converted, codes, convert

ORDER = "OBR|1|P1|F1|24323-8^CMP^LN|||20240305090000+0100|||||||||123^SMITH^ADAM||||||20240305100000+0100||CH|F"


def oru(*lines: str) -> Converted:
    return convert("ORU^R01", PATIENT, *lines)


def observation(line: str) -> dict[str, Any]:
    """The Observation of an OBX, of which OBX-1 is left out: `NM|2345-7^Glucose^LN||5.4`."""
    return oru(ORDER, f"OBX|1|{line}").one("Observation")


CODE = "2345-7^Glucose^LN"


@pytest.mark.parametrize(
    ("line", "element", "value"),
    [
        (f"NM|{CODE}||5.40|mmol/L", "valueQuantity", {"value": Decimal("5.40"), "unit": "mmol/L"}),
        (f"NM|{CODE}||<0.5|mmol/L", "valueQuantity", {"value": Decimal("0.5"), "comparator": "<", "unit": "mmol/L"}),
        (f"NM|{CODE}||see below|mmol/L", "valueString", "see below mmol/L"),
        (f"SN|{CODE}||>=^90|a", "valueQuantity", {"value": Decimal(90), "comparator": ">=", "unit": "a"}),
        (f"SN|{CODE}||^10^-^20", "valueRange", {"low": {"value": Decimal(10)}, "high": {"value": Decimal(20)}}),
        (f"SN|{CODE}||^1^:^2", "valueRatio", {"numerator": {"value": 1}, "denominator": {"value": 2}}),
        (f"SN|{CODE}||about^five", "valueString", "about five"),
        (f"NR|{CODE}||1^5", "valueRange", {"low": {"value": Decimal(1)}, "high": {"value": Decimal(5)}}),
        (f"CQ|{CODE}||5^mL", "valueQuantity", {"value": Decimal(5), "unit": "mL"}),
        (f"MO|{CODE}||12.50^SEK", "valueQuantity", {"value": Decimal("12.50"), "unit": "SEK"}),
        (f"ST|{CODE}||clear \\T\\ yellow", "valueString", "clear & yellow"),
        (f"TX|{CODE}||first~second", "valueString", "first\nsecond"),
        (f"FT|{CODE}||one\\.br\\two", "valueString", "one\ntwo"),
        (f"DT|{CODE}||20240301", "valueDateTime", "2024-03-01"),
        (f"TS|{CODE}||202403011200+0100", "valueDateTime", "2024-03-01T12:00:00+01:00"),
        (f"DTM|{CODE}||202403", "valueDateTime", "2024-03"),
        (f"TM|{CODE}||0830", "valueTime", "08:30:00"),
        (f"DR|{CODE}||20240301^20240302", "valuePeriod", {"start": "2024-03-01", "end": "2024-03-02"}),
        (f"XPN|{CODE}||LINDQVIST^MARTA", "valueString", "MARTA LINDQVIST"),
        (f"XCN|{CODE}||1^SMITH^ADAM", "valueString", "ADAM SMITH"),
        (f"XX|{CODE}||whatever", "valueString", "whatever"),
        (f"|{CODE}||no type", "valueString", "no type"),
    ],
)  # fmt: skip
def test_value_has_the_type_that_the_message_names(line: str, element: str, value: Any) -> None:
    found = observation(line)
    assert found[element] == value
    assert len([name for name in found if name.startswith("value")]) == 1


@pytest.mark.parametrize("kind", ["CWE", "CE", "CNE", "IS", "ID"])
def test_coded_value_is_a_concept(kind: str) -> None:
    found = observation(f"{kind}|600-7^Organism^LN||112283007^E. coli^SCT")
    assert found["valueCodeableConcept"]["coding"] == [
        {"system": "http://snomed.info/sct", "code": "112283007", "display": "E. coli"}
    ]


def test_numeric_array_is_sampled_data() -> None:
    found = observation(f"NA|{CODE}||1^2^^4|mV")["valueSampledData"]
    assert (found["data"], found["origin"]["unit"]) == ("1 2 E 4", "mV")


@pytest.mark.parametrize(
    ("sent", "low", "high"),
    [
        ("3.9-5.8", "3.9", "5.8"),
        ("70_105", "70", "105"),
        ("<5", None, "5"),
        (">=1.5", "1.5", None),
        ("negative", None, None),
    ],
)
def test_reference_range_has_its_text_and_what_it_says(sent: str, low: str | None, high: str | None) -> None:
    (found,) = observation(f"NM|{CODE}||5|mmol/L|{sent}")["referenceRange"]
    assert found["text"] == sent
    assert {name: str(found[name]["value"]) for name in ("low", "high") if name in found} == {
        name: value for name, value in (("low", low), ("high", high)) if value
    }


def test_interpretation_is_translated_and_repeats() -> None:
    found = observation(f"NM|{CODE}||5|mmol/L||HH~A")
    assert [codes(one)[0] for one in found["interpretation"]] == ["HH", "A"]
    assert found["interpretation"][0]["coding"][0]["system"].endswith("v3-ObservationInterpretation")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("F", "final"),
        ("P", "preliminary"),
        ("C", "corrected"),
        ("X", "cancelled"),
        ("D", "entered-in-error"),
        ("W", "entered-in-error"),
        ("I", "registered"),
        ("", "unknown"),
    ],
)
def test_result_status(sent: str, status: str) -> None:
    assert observation(f"NM|{CODE}||5||||||{sent}")["status"] == status


@pytest.mark.parametrize("line", [f"NM|{CODE}||||||||X", f"NM|{CODE}||5||||||X", f'NM|{CODE}||""||||||F'])
def test_result_that_was_not_obtained_or_is_deleted_loses_its_value(line: str) -> None:
    found = oru(ORDER, f"OBX|1|{line}").conversion
    entry = next(one for one in found.entries if one.resource["resourceType"] == "Observation")
    assert not [name for name in entry.resource if name.startswith("value")]
    assert "value[x]" in entry.clears


def test_several_values_are_components() -> None:
    found = observation("NM|8867-4^Heart rate^LN||61~72~83|/min")
    assert [one["valueQuantity"]["value"] for one in found["component"]] == [61, 72, 83]


def test_time_is_that_of_the_observation_else_of_the_order() -> None:
    assert observation(f"NM|{CODE}||5||||||F|||20240301")["effectiveDateTime"] == "2024-03-01"
    assert observation(f"NM|{CODE}||5||||||F")["effectiveDateTime"] == "2024-03-05T09:00:00+01:00"


def test_result_names_who_and_what_measured_it() -> None:
    found = oru(
        ORDER, f"OBX|1|NM|{CODE}||5||||||F|||||1134^ALY^ZAFAR|M1^Method^99LAB|EI12^LAB||ARM^Arm^99LAB|||Central Lab"
    )
    result = found.one("Observation")
    assert [found.referred(one)["resourceType"] for one in result["performer"]] == ["Practitioner", "Organization"]
    assert codes(result["method"]) == ["M1"]
    assert found.referred(result["device"])["resourceType"] == "Device"


def test_report_has_its_numbers_results_and_the_order_it_answers() -> None:
    found = oru(ORDER, f"OBX|1|NM|{CODE}||5||||||F", "OBX|2|NM|2951-2^Sodium^LN||140||||||F")
    report = found.one("DiagnosticReport")
    assert report["status"] == "final"
    *numbers, own = report["identifier"]
    assert [(codes(one["type"])[0], one["value"]) for one in numbers] == [("PLAC", "P1"), ("FILL", "F1")]
    assert own["system"] == "urn:ietf:rfc:3986"
    assert [codes(found.referred(one)["code"])[0] for one in report["result"]] == ["2345-7", "2951-2"]
    assert report["issued"] == "2024-03-05T10:00:00+01:00"
    order = found.referred(report["basedOn"][0])
    assert found.referred(order["requester"])["name"][0]["family"] == "SMITH"


def test_order_that_a_report_names_is_never_changed_by_it() -> None:
    assert oru(ORDER).entry("ServiceRequest", "P1").intent == "create"


def test_results_belong_to_their_own_report() -> None:
    second = ORDER.replace("P1", "P2").replace("F1", "F2")
    found = oru(ORDER, f"OBX|1|NM|{CODE}||5||||||F", second, f"OBX|1|NM|{CODE}||6||||||F")
    values = [
        [found.referred(one)["valueQuantity"]["value"] for one in report["result"]]
        for report in found.all("DiagnosticReport")
    ]
    assert values == [[5], [6]]


def test_corrected_result_has_the_key_of_the_first_one() -> None:
    first = oru(ORDER, f"OBX|1|NM|{CODE}||5||||||P").conversion
    second = oru(ORDER, f"OBX|1|NM|{CODE}||6||||||C").conversion
    keys = [
        next(one.key for one in found.entries if one.resource["resourceType"] == "Observation")
        for found in (first, second)
    ]
    assert keys[0] == keys[1] is not None


def test_results_of_the_same_code_differ_by_sub_id_or_by_their_order() -> None:
    lines = (
        "OBX|1|CWE|600-7^Organism^LN|1|A||||||F",
        "OBX|2|CWE|600-7^Organism^LN|2|B||||||F",
        "OBX|3|CWE|600-7^Organism^LN|2|C||||||F",
    )
    found = oru(ORDER, *lines).conversion
    assert len({one.key for one in found.entries if one.resource["resourceType"] == "Observation"}) == 3


def test_child_order_makes_members_of_the_parents_result() -> None:
    organism = "OBX|1|CWE|600-7^Organism^LN|1|112283007^E. coli^SCT||||||F"
    child = "OBR|2|P1|F2|18769-0^Susceptibility^LN|||||||||||||||||||||F|600-7&Organism&LN^1|||P1^F1"
    found = oru(ORDER, organism, child, "OBX|1|SN|18864-9^Ampicillin^LN||<=^2|||S|||F")
    parent, member = found.all("Observation")
    assert found.referred(parent["hasMember"][0]) is member
    assert found.referred(member["derivedFrom"][0]) is parent


def test_document_in_a_result_is_a_form_of_the_report() -> None:
    found = oru(ORDER, "OBX|1|ED|PDF^Report^L||^AP^PDF^Base64^JVBERi0xLjQ=||||||F")
    (form,) = found.one("DiagnosticReport")["presentedForm"]
    assert form["contentType"] == "application/pdf"
    assert form["data"] == "JVBERi0xLjQ="


def test_comments_stay_with_what_they_follow() -> None:
    found = oru(
        ORDER, "NTE|1|L|Fasting", f"OBX|1|NM|{CODE}||5||||||F", "NTE|1||Haemolysed~slightly||9^SMITH^ADAM|20240305"
    )
    assert found.one("Observation")["note"][0]["text"] == "Haemolysed\nslightly"
    assert found.one("Observation")["note"][0]["time"] == "2024-03-05"
    assert found.one("DiagnosticReport")["extension"][0]["valueAnnotation"]["text"] == "Fasting"


def test_specimen_of_an_order_is_that_of_its_results() -> None:
    found = oru(
        ORDER, f"OBX|1|NM|{CODE}||5||||||F", "SPM|1|S1&LAB^T1&LAB||BLD^Blood^HL70487|||||||||||||202403050800|20240305"
    )
    specimen = found.one("Specimen")
    assert [one["value"] for one in specimen["identifier"]] == ["S1", "T1"]
    assert specimen["collection"]["collectedDateTime"] == "2024-03-05T08:00:00+01:00"
    assert specimen["receivedTime"] == "2024-03-05"
    assert found.referred(found.one("Observation")["specimen"]) is specimen
    assert found.referred(found.one("DiagnosticReport")["specimen"][0]) is specimen


def test_old_messages_have_their_specimen_in_the_order() -> None:
    line = "OBR|1|P1|F1|24323-8^CMP^LN|||202403050800|||||||202403050830|BLD&Blood&HL70070"
    assert codes(oru(line).one("Specimen")["type"]) == ["BLD"]


@pytest.mark.parametrize("event", ["OUL^R22", "OUL^R23"])
def test_specimen_with_its_container_comes_before_its_orders(event: str) -> None:
    lines = (
        "SPM|1|S1^T1||BLD",
        "OBX|1|NM|3094-0^Volume^LN||5|mL|||||F",
        "SAC|||C1",
        ORDER,
        f"OBX|1|NM|{CODE}||5||||||F",
    )
    found = convert(event, PATIENT, *lines)
    specimen, report = found.one("Specimen"), found.one("DiagnosticReport")
    assert specimen["container"][0]["identifier"][0]["value"] == "C1"
    assert found.referred(report["specimen"][0]) is specimen
    assert [codes(found.referred(one)["code"])[0] for one in report["result"]] == ["2345-7"]


def test_order_comes_before_its_specimens() -> None:
    found = convert("OUL^R24", PATIENT, ORDER, f"OBX|1|NM|{CODE}||5||||||F", "SPM|1|S1^T1||BLD")
    assert found.referred(found.one("DiagnosticReport")["specimen"][0]) is found.one("Specimen")


def test_result_outside_of_an_order_is_one_of_the_patient() -> None:
    found = convert("ADT^A08", PATIENT, f"OBX|1|NM|{CODE}||5|||||||||20240305")
    assert found.referred(found.one("Observation")["subject"])["resourceType"] == "Patient"


def test_invalid_date_of_a_result_names_its_place() -> None:
    with pytest.raises(ConversionError) as caught:
        observation(f"NM|{CODE}||5||||||F|||20241399")
    assert (caught.value.code, caught.value.place) == ("102", "OBX-14.1")


def test_number_with_units_but_without_a_datatype_is_a_quantity() -> None:
    seen = convert("ORU^R01", PATIENT, "OBR|1||F1|T^Test", "OBX|1||A^a||98|mg/dL|||||F").one("Observation")
    assert seen["valueQuantity"] == {"value": 98, "unit": "mg/dL"}


def test_number_that_is_sent_as_text_keeps_its_units() -> None:
    seen = convert("ORU^R01", PATIENT, "OBR|1||F1|T^Test", "OBX|1|ST|A^a||98|mg/dL|||||F").one("Observation")
    assert seen["valueString"] == "98 mg/dL"


def test_value_of_a_datatype_that_nobody_knows_is_text_and_the_sender_hears_of_it() -> None:
    found = convert("ORU^R01", PATIENT, "OBR|1||F1|T^Test", "OBX|1|XX|A^a||odd||||||F")
    assert found.one("Observation")["valueString"] == "odd"
    assert [one.place for one in found.conversion.notes] == ["OBX-2"]


@pytest.mark.parametrize(("units", "unit"), [("x10^3/uL", "x10^3/uL"), ("10^9/L", "10^9/L"), ("10^Ten", "10")])
def test_power_of_ten_that_is_not_escaped_stays_whole(units: str, unit: str) -> None:
    assert observation(f"NM|{CODE}||12.4|{units}")["valueQuantity"]["unit"] == unit


def test_result_that_cannot_be_obtained_says_why() -> None:
    found = observation(f"NM|{CODE}||QNS||||||X")
    assert (found["status"], found["dataAbsentReason"]["text"]) == ("cancelled", "QNS")
    assert codes(found["dataAbsentReason"]) == ["cannot-be-obtained"]
    assert not any(name.startswith("value") for name in found)


def test_result_that_is_there_has_no_reason_to_be_absent() -> None:
    found = oru(ORDER, f"OBX|1|NM|{CODE}||5.4|mmol/L|||||F")
    (entry,) = (one for one in found.conversion.entries if one.resource["resourceType"] == "Observation")
    assert "dataAbsentReason" in entry.clears


def test_report_of_version_2_1_names_no_event() -> None:
    found = convert("ORU", PATIENT, ORDER, f"OBX||NM|{CODE}||5.4", version="2.1")
    assert found.one("Observation")["valueQuantity"]["value"] == Decimal("5.4")


def test_panels_that_share_the_number_of_their_accession_are_reports_of_their_own() -> None:
    panels = ["OBR|1|P1|A77^LAB|CBC^Blood count^L|||||||||||||||||||||F", "OBX|1|NM|WBC^White cells^L||7.1||||||F"]
    others = ["OBR|2|P2|A77^LAB|BMP^Metabolic^L|||||||||||||||||||||P", "OBX|1|NM|NA^Sodium^L||140||||||P"]
    both = convert("ORU^R01", PATIENT, *panels, *others)
    told = [(codes(one["code"]), one["status"], len(one["result"])) for one in both.all("DiagnosticReport")]
    assert told == [(["CBC"], "final", 1), (["BMP"], "preliminary", 1)]
    alone = convert("ORU^R01", PATIENT, *others)
    assert keys(alone, "DiagnosticReport") == keys(both, "DiagnosticReport")[1:]
    assert keys(alone, "Observation") == keys(both, "Observation")[1:]


def test_report_with_the_same_number_and_code_is_the_same_one_whoever_ordered_it() -> None:
    first = convert("ORU^R01", PATIENT, "OBR|1|P1|A77^LAB|CBC^Blood count^L|||||||||||||||||||||P")
    later = convert("ORU^R01", PATIENT, "OBR|1||A77^LAB|CBC^Full blood count^L|||20240305|||||||||||||||||C")
    assert keys(first, "DiagnosticReport") == keys(later, "DiagnosticReport")


def test_correction_that_brings_one_result_leaves_the_others_in_the_report() -> None:
    found = convert("ORU^R01", PATIENT, ORDER, f"OBX|1|NM|{CODE}||5.4|mmol/L|||||C")
    assert found.entry("DiagnosticReport", "F1").merge["result"] == "union"


def test_lines_of_a_text_take_the_place_of_those_that_the_report_had() -> None:
    found = convert(
        "ORU^R01", PATIENT, ORDER, "OBX|1|TX|R^Report^L||Chest:||||||C", "OBX|2|TX|R^Report^L||normal.||||||C"
    )
    assert "result" not in found.entry("DiagnosticReport", "F1").merge


def test_specimen_says_how_it_is_handled_and_what_is_left_of_it() -> None:
    found = oru(ORDER, "SPM|1|^S1&LAB||SER|||||||||||PRTL~C37|||||||3^mL").one("Specimen")
    handling = [codes(one["valueCodeableConcept"]) for one in found["extension"]]
    assert handling == [["PRTL"], ["C37"]]
    assert {one["url"].rpartition("/")[2] for one in found["extension"]} == {"specimen-specialHandling"}
    assert found["container"][0]["specimenQuantity"]["value"] == 3


def keys(found: Converted, type_: str) -> list[str | None]:
    return [one.key for one in found.conversion.entries if one.resource["resourceType"] == type_]
