"""What every conversion does, whatever the message."""

import gc
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hl7_bridge.actions import Link, Merge, Move, Unlink
from hl7_bridge.convert import Conversion, ConversionError, Converter, Entry, load_layers, renamed_action
from hl7_bridge.er7 import parse
from hl7_bridge.mapping.scope import Scope
from tests.hl7_bridge.maps.converted import PATIENT, convert, converter, validator

RECEIVED = datetime(2024, 3, 5, 9, 20, tzinfo=UTC)


def raw(*segments: str, header: str = "MSH|^~\\&|LAB|CLINIC|||20240305101500+0100||ADT^A08|C1|P|2.5.1") -> bytes:
    return "\r".join((header, *segments)).encode()


def conversion(
    *segments: str, header: str = "MSH|^~\\&|LAB|CLINIC|||20240305101500+0100||ADT^A08|C1|P|2.5.1"
) -> Conversion:
    return converter().convert(parse(raw(*segments, header=header)), received=RECEIVED)


def of(found: Conversion, type_: str) -> list[Entry]:
    return [one for one in found.entries if one.resource["resourceType"] == type_]


def test_same_message_makes_the_same_conversion() -> None:
    assert conversion(PATIENT) == conversion(PATIENT)


def test_other_message_makes_other_full_urls() -> None:
    first, second = conversion(PATIENT), conversion(PATIENT, "AL1|1||P^Penicillin")
    assert {one.full_url for one in first.entries}.isdisjoint(one.full_url for one in second.entries)


def test_bundle_is_a_valid_transaction_with_a_request_for_each_entry() -> None:
    bundle = conversion(PATIENT, "PV1|1|I|||||||||||||||||V1^^^H").bundle()
    assert bundle["type"] == "transaction"
    assert validator().issues(bundle) == []
    assert {one["request"]["method"] for one in bundle["entry"]} == {"PUT", "POST"}


def test_raw_message_is_kept_and_its_key_ends_with_the_digest_of_its_body() -> None:
    (kept,) = of(conversion(PATIENT), "DocumentReference")
    (again,) = of(converter().convert(parse(raw(PATIENT) + b"\r\n"), received=RECEIVED), "DocumentReference")
    assert kept.key is not None
    assert kept.key == again.key
    assert kept.intent == "create"
    assert kept.resource["identifier"][0]["value"].startswith("LAB|CLINIC|C1|")


def test_provenance_names_what_was_changed_but_nobody_named_in_passing() -> None:
    found = conversion(PATIENT, "PV1|1|I|||||55^HOUSE^GREG|||||||||||||V1^^^H")
    (provenance,) = of(found, "Provenance")
    targets = {one["reference"] for one in provenance.resource["target"]}
    assert targets == {one.full_url for type_ in ("Patient", "Encounter") for one in of(found, type_)}
    assert provenance.resource["occurredDateTime"] == found.occurred == "2024-03-05T10:15:00+01:00"


def test_event_happened_when_it_was_recorded_else_when_the_message_was_made() -> None:
    assert conversion("EVN||20240304", PATIENT).occurred == "2024-03-04"
    assert conversion("EVN||soon", PATIENT).occurred == "2024-03-05T10:15:00+01:00"


def test_time_without_offset_is_in_the_senders_zone() -> None:
    stockholm, tokyo = ZoneInfo("Europe/Stockholm"), ZoneInfo("Asia/Tokyo")
    both = Converter(zone=stockholm, zones={"LAB|CLINIC": tokyo})
    message = parse(raw("EVN||202403041000", PATIENT))
    assert both.convert(message, received=RECEIVED).occurred == "2024-03-04T10:00:00+09:00"
    assert Converter(zone=stockholm).convert(message, received=RECEIVED).occurred == "2024-03-04T10:00:00+01:00"


def test_unknown_version_is_read_as_the_nearest_with_a_note() -> None:
    found = conversion(PATIENT, header="MSH|^~\\&|LAB|CLINIC|||20240305||ADT^A08|C1|P|2.9.7")
    assert [note.place for note in found.notes] == ["MSH-12"]


@pytest.mark.parametrize(
    ("type_", "code", "place"),
    [("XYZ^A01", "200", "MSH-9.1"), ("ADT^Z99", "201", "MSH-9.2"), ("", "200", "MSH-9.1"), ("<b>^&", "200", "MSH-9.1")],
)
def test_message_of_unknown_type_or_event_is_refused(type_: str, code: str, place: str) -> None:
    with pytest.raises(ConversionError) as caught:
        conversion(PATIENT, header=f"MSH|^~\\&|LAB|CLINIC|||20240305||{type_}|C1|P|2.5.1")
    assert (caught.value.code, caught.value.place) == (code, place)
    assert "<b>" not in caught.value.text


@pytest.mark.parametrize(
    ("segment", "code", "place"), [("PV1|1|I", "100", "PID"), ("PID|1||^^^H||LINDQVIST", "101", "PID-3")]
)
def test_message_without_patient_is_refused(segment: str, code: str, place: str) -> None:
    with pytest.raises(ConversionError) as caught:
        conversion(segment)
    assert (caught.value.code, caught.value.place) == (code, place)


def test_a_message_that_is_refused_leaves_nothing_for_the_garbage_collector() -> None:
    gc.disable()
    try:
        with suppress(ConversionError):
            conversion("PV1|1|I", header="MSH|^~\\&|LAB|CLINIC|||20240305101500+0100||ADT^A08|REFUSED|P|2.5.1")
        messages = [one.message for one in gc.get_objects() if type(one) is Scope]
        assert [one for one in messages if one.control_id == "REFUSED"] == []
    finally:
        gc.enable()


def test_populated_fields_that_nothing_took_are_listed_in_message_order() -> None:
    found = conversion(PATIENT + "|" * 30 + "P", "AL1|1||P^Penicillin", "AL1|2||N^Nuts", "ZZZ||extra")
    assert found.unmapped == ("PID-38", "ZZZ-2")


def test_patient_keys_tell_whose_message_it_is() -> None:
    assert conversion(PATIENT).patient_keys == ("identifier=urn:hl7v2:authority:CITYHOSP|778899",)


def test_one_diagnosis_twice_with_other_content_is_two_with_a_note() -> None:
    lines = (
        "DG1|1||E10.9^Diabetes^I10||2018|A" + "|" * 14 + "D1^H",
        "DG1|2||E10.9^Diabetes^I10||2020|A" + "|" * 14 + "D1^H",
    )
    found = conversion(PATIENT, *lines)
    first, second = of(found, "Condition")
    assert (first.resource["onsetDateTime"], second.resource["onsetDateTime"]) == ("2018", "2020")
    assert first.key != second.key
    assert "D1" not in str(second.resource["identifier"])
    assert "Condition" in [note.place for note in found.notes]


def test_same_person_named_in_different_segments_is_one_entry() -> None:
    found = conversion(PATIENT, "PV1|1|I|||||55^HOUSE^GREG|55^HOUSE^GREG|||||||||||V1^^^H")
    assert len(of(found, "Practitioner")) == 1


def test_other_delimiters_are_read_with_their_own_memory() -> None:
    usual = convert("ADT^A08", PATIENT, "AL1|1||P^Penicillin^99LAB").one("AllergyIntolerance")
    header = "MSH|$~\\&|WARD|CITYHOSP|FHIRSRV|CITYHOSP|20240305101500+0100||ADT$A08|M1|P|2.5.1"
    lines = (PATIENT.replace("^", "$"), "AL1|1||P^Penicillin^99LAB")
    other = of(conversion(*lines, header=header), "AllergyIntolerance")[0].resource
    assert usual["code"]["coding"][0]["code"] == "P"
    assert other["code"]["coding"][0]["code"] == "P^Penicillin^99LAB"


def test_actions_follow_entries_that_were_joined() -> None:
    names = {"b": "a"}
    assert renamed_action(Merge("b", "c"), names) == Merge("a", "c")
    assert renamed_action(Link("b", "c"), names) == Link("a", "c")
    assert renamed_action(Unlink("c", "b"), names) == Unlink("c", "a")
    assert renamed_action(Move("b", "c", "d"), names) == Move("a", "c", "d")


def test_wrong_map_is_refused_when_the_converter_is_made() -> None:
    layers = load_layers()
    broken = replace(layers[0], content={"segments": {"PID": {"Patient": [{"from": 7}]}}}, senders=("NEVER|*",))
    with pytest.raises(ValueError, match="PID"):
        Converter([*layers, broken], zone=UTC)
