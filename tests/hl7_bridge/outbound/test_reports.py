"""DiagnosticReport → ORU R01."""

import pytest

from tests.hl7_bridge.outbound.scene import GLUCOSE, er7, report, told


def test_a_report_is_one_order_with_its_results() -> None:
    message = told(report(GLUCOSE, conclusion="All well"))
    assert message.header.raw(9) == "ORU^R01^ORU_R01"
    assert [segment.name for segment in message.segments] == [
        "MSH",
        "PID",
        "PD1",
        "PV1",
        "ORC",
        "OBR",
        "NTE",
        "OBX",
        "NTE",
    ]
    assert er7(message, "OBR") == (
        "OBR|1||F77^^1.2.3.9^ISO|24323-8^Panel^LN|||20240305100000+0000|||||||||||||||20240305110000.123+0000|||F"
    )


def test_the_order_that_it_answers_is_named() -> None:
    message = told(report(GLUCOSE, basedOn=[{"reference": "ServiceRequest/q1"}]))
    assert er7(message, "ORC") == "ORC|RE|P55^^1.2.3.8^ISO|F77^^1.2.3.9^ISO"
    assert message.every("OBR")[0].raw(16) == "1234567893^House^Greg^^^^^^NPI^L"


def test_a_report_without_number_is_known_by_its_id() -> None:
    assert told(report(GLUCOSE, identifier=[])).every("OBR")[0].raw(3) == "r1^CITY"


@pytest.mark.parametrize(
    ("status", "code"),
    [("final", "F"), ("preliminary", "P"), ("corrected", "C"), ("amended", "C"), ("cancelled", "X"), ("partial", "A")],
)
def test_the_status_of_the_report_is_told(status: str, code: str) -> None:
    assert told(report(GLUCOSE, status=status)).every("OBR")[0].value(25) == code


def test_who_interprets_and_who_performs_are_told() -> None:
    people = [{"reference": "Practitioner/d1"}, {"reference": "Organization/g1"}]
    (request,) = told(report(GLUCOSE, performer=people, resultsInterpreter=people[:1])).every("OBR")
    assert (request.raw(32), request.raw(34)) == ("1234567893&House&Greg&&&&&&NPI",) * 2


def test_the_section_of_the_laboratory_is_told() -> None:
    category = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "CH"}]}]
    assert told(report(GLUCOSE, category=category)).every("OBR")[0].value(24) == "CH"


def test_documents_are_encapsulated_or_pointed_to() -> None:
    forms = [
        {"contentType": "application/pdf", "data": "JVBERi0="},
        {"contentType": "image/png", "url": "https://example.org/x.png"},
    ]
    segments = told(report(GLUCOSE, presentedForm=forms)).every("OBX")[1:]
    assert [(one.value(1), one.value(2), one.raw(5)) for one in segments] == [
        ("2", "ED", "^application^pdf^Base64^JVBERi0="),
        ("3", "RP", "https://example.org/x.png^^image^png"),
    ]


def test_a_report_with_a_period_has_start_and_end() -> None:
    period = {"start": "2024-03-05T10:00:00Z", "end": "2024-03-05T10:10:00Z"}
    (request,) = told(report(GLUCOSE, effectiveDateTime=None, effectivePeriod=period)).every("OBR")
    assert (request.value(7), request.value(8)) == ("20240305100000+0000", "20240305101000+0000")
