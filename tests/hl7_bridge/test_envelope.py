from hl7_bridge.envelope import message_identifier
from hl7_bridge.er7 import parse
from tests.hl7_bridge.maps.converted import PATIENT, convert

RAW = b"MSH|^~\\&|LAB|CLINIC|||20240305||ADT^A08|C1|P|2.5.1\rPID|1||1"


def test_message_is_identified_by_sender_control_id_and_body() -> None:
    first, other = message_identifier(parse(RAW)), message_identifier(parse(RAW + b"2"))
    assert first["value"].startswith("LAB|CLINIC|C1|")
    assert first != other


def test_frame_and_line_ends_around_a_message_are_no_part_of_it() -> None:
    assert message_identifier(parse(RAW)) == message_identifier(parse(RAW + b"\r\n"))


def test_sender_is_the_author_and_the_raw_message_the_source() -> None:
    found = convert("ADT^A08", PATIENT)
    provenance = found.one("Provenance")
    assert provenance["agent"][0]["who"]["display"] == "WARD CITYHOSP"
    source = found.referred(provenance["entity"][0]["what"])
    assert source["content"][0]["attachment"]["contentType"] == "x-application/hl7-v2+er7"


def test_provenance_names_the_header_of_its_message() -> None:
    found = convert("ADT^A08", PATIENT)
    header = found.referred(found.one("Provenance")["entity"][1]["what"])
    assert header["resourceType"] == "MessageHeader"


def test_operator_and_reason_of_the_event_are_in_the_provenance() -> None:
    provenance = convert("ADT^A08", "EVN||20240305||01^Patient request^HL70062|C08^WOOLFSON^KATHLEEN", PATIENT).one(
        "Provenance"
    )
    assert provenance["reason"][0]["coding"][0]["code"] == "01"
    assert provenance["agent"][1]["who"]["display"] == "KATHLEEN WOOLFSON"


def test_document_of_a_message_holds_the_message_as_one_more_form() -> None:
    found = convert(
        "MDM^T02",
        PATIENT,
        "PV1|1|O",
        "TXA|1|DS^Discharge summary|TX|||||||||DOC-1^CITYHOSP|||||AU",
        "OBX|1|TX|DS||Well.||||||F",
    )
    document = found.one("DocumentReference")
    assert [one["attachment"]["contentType"] for one in document["content"]][-1] == "x-application/hl7-v2+er7"
    assert "urn:hl7v2:message" in [one["system"] for one in document["identifier"]]
