from datetime import UTC, datetime

from hl7_bridge.er7 import parse
from hl7_bridge.explain import Explained, explain
from hl7_bridge.mapping.trace import Trace
from tests.hl7_bridge.maps.converted import converter

HEADER = "MSH|^~\\&|LAB|CLINIC|||20240305101500+0100||ORU^R01|C1|P|2.5.1"
LINES = (
    HEADER,
    "PID|1||778899^4^^CITYHOSP^MR||LINDQVIST^MARTA|||F~M" + "|" * 30 + "P",
    "OBR|1|P1|F1|24323-8^CMP^LN|||20240305",
    "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|3.9-5.8|N|||F",
    "OBX|2|NM|2951-2^Sodium^LN||140|mmol/L||H~A|||F",
    "ZZZ|x",
)


def explained() -> dict[str, Explained]:
    return {one.place: one for one in explain(parse("\r".join(LINES).encode()), converter())}


def test_field_leads_to_its_element() -> None:
    found = explained()["PID-5.1"]
    assert (found.value, found.outcome, found.targets) == ("LINDQVIST", "mapped", ("Patient.name*",))


def test_field_read_by_a_function_leads_to_what_it_fills() -> None:
    assert "Observation.value[x]" in explained()["OBX-5.1"].targets


def test_field_that_another_segments_map_reads_leads_there_too() -> None:
    assert {"DiagnosticReport.effectiveDateTime", "Observation.effectiveDateTime"} <= set(
        explained()["OBR-7.1"].targets
    )


def test_component_that_nothing_reads_is_unmapped() -> None:
    assert explained()["PID-3.2"].outcome == "unmapped"


def test_field_and_segment_that_nothing_reads_are_unmapped() -> None:
    found = explained()
    assert found["PID-38.1"].outcome == found["ZZZ-1.1"].outcome == "unmapped"


def test_set_id_is_ignored() -> None:
    assert explained()["OBX-1.1"].outcome == "ignored"


def test_repetitions_and_later_segments_have_their_numbers() -> None:
    assert explained()["OBX[2]-8[2].1"].targets == ("Observation.interpretation*",)


def test_header_fields_of_every_message_lead_to_the_envelope() -> None:
    assert explained()["MSH-10.1"].targets == ("DocumentReference.identifier",)


def test_only_the_first_repetition_is_mapped_where_fhir_has_one_value() -> None:
    found = explained()
    assert found["PID-8.1"].targets == ("Patient.gender",)
    assert found["PID-8[2].1"].outcome == "unmapped"


def test_rules_that_took_nothing_of_this_message_are_not_named() -> None:
    found = explained()
    assert found["OBX-7.1"].targets == ("Observation.referenceRange",)
    roles = {target.split(".")[0] for part in found.values() for target in part.targets}
    assert roles == {
        *("MessageHeader", "Provenance", "DocumentReference"),
        *("Patient", "DiagnosticReport", "ServiceRequest", "Observation"),
    }


def test_tracing_changes_nothing() -> None:
    message = parse("\r".join(LINES).encode())
    received = datetime(2024, 3, 5, tzinfo=UTC)
    assert converter().convert(message, received=received, trace=Trace()) == converter().convert(
        message, received=received
    )


def test_items_of_lists_are_written_as_fhirpath_writes_them() -> None:
    raw = b"MSH|^~\\&|LAB|CLINIC|RCV|SITE|20240305||ADT^A28|C1|P|2.5.1\rPID|1||1^^^H^MR||A^B\r"
    found = {part.place: part.targets for part in explain(parse(raw), converter())}
    assert "MessageHeader.destination[0].endpoint" in found["MSH-5.1"]
