from datetime import UTC, datetime

from hl7_bridge.er7 import parse
from hl7_bridge.inbound.letters import digest_of, letter_of, other_body
from hl7_bridge.ports import Letter
from tests.hl7_bridge.made import admission

NOW = datetime(2024, 5, 1, tzinfo=UTC)


def letter(raw: bytes) -> Letter:
    return letter_of(raw, parse(raw), NOW)


def test_a_letter_tells_sender_type_and_control_id() -> None:
    found = letter(admission("1", control_id="C1"))
    assert (found.sender, found.type, found.control_id) == ("LAB|HOSP", "ADT^A01", "C1")


def test_what_does_not_look_like_a_type_of_message_is_not_told_as_one() -> None:
    raw = admission("1", control_id="C1").replace(b"ADT^A01^ADT_A01", b"DOE^JANE")
    assert letter(raw).type == ""


def test_the_same_control_id_of_one_sender_is_the_same_letter_whatever_the_body() -> None:
    one, other = letter(admission("1", control_id="C1")), letter(admission("2", control_id="C1"))
    assert one.id == other.id
    assert one.digest != other.digest
    assert other_body(other).id not in (one.id, other_body(one).id)


def test_another_sender_or_control_id_is_another_letter() -> None:
    raw = admission("1", control_id="C1")
    ids = {letter(raw).id, letter(raw.replace(b"LAB|", b"LAB2|")).id, letter(raw.replace(b"C1", b"C2")).id}
    assert len(ids) == 3


def test_without_a_control_id_or_a_header_the_body_decides() -> None:
    raw = admission("1", control_id="")
    assert letter(raw).id == letter(raw).id != letter(admission("2", control_id="")).id
    assert letter_of(b"junk", None, NOW).id != letter_of(b"other", None, NOW).id


def test_line_ends_at_the_end_do_not_make_another_body() -> None:
    assert digest_of(b"MSH|\rPID|\r") == digest_of(b"MSH|\rPID|\r\n")
