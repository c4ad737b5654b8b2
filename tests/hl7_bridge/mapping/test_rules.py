"""Rules, run on a message by maps that the test writes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hl7_bridge.convert import Conversion, ConversionError, Converter
from hl7_bridge.er7 import parse
from hl7_bridge.mapping.context import Memory
from hl7_bridge.mapping.layers import Layer
from hl7_bridge.mapping.rules import REMEMBERED

TABLES = {"0001": {"codes": {"M": "male", "F": "female"}}}


def run(rules: list[Any] | dict[str, Any], *segments: str, **content: Any) -> Conversion:
    groups = {"patient": {"starts": ["PID"], "segments": {"PID": ["Patient"], "PV1": ["Encounter"]}}}
    layer = Layer(
        "test",
        {
            "segments": {"PID": {"Patient": rules}, "PV1": {"Encounter": [{"ref": "Patient", "to": "subject"}]}},
            "messages": {"M": {"triggers": ["ADT^A01"], "groups": groups}},
            "tables": TABLES,
            **content,
        },
    )
    message = parse("\r".join(("MSH|^~\\&|A|B|||20240305||ADT^A01|1|P|2.5", *segments)).encode())
    return Converter([layer], zone=UTC).convert(message, received=datetime(2024, 3, 5, tzinfo=UTC))


def patient(rules: list[Any] | dict[str, Any], segment: str, **content: Any) -> dict[str, Any]:
    found = next(
        one.resource for one in run(rules, segment, **content).entries if one.resource["resourceType"] == "Patient"
    )
    return {name: value for name, value in found.items() if name != "resourceType"}


def test_field_becomes_an_element() -> None:
    assert patient([{"from": 7, "to": "birthDate", "as": "date"}], "PID|||||||19790412") == {"birthDate": "1979-04-12"}


def test_every_repetition_is_taken_with_a_star_and_the_first_without() -> None:
    assert patient([{"from": 3, "to": "id*"}], "PID|||1~2~3") == {"id": ["1", "2", "3"]}
    conversion = run([{"from": 3, "to": "id"}], "PID|||~2~3")
    assert conversion.entries[0].resource["id"] == "2"


def test_component_is_read_as_a_field() -> None:
    assert patient([{"from": 3.4, "to": "id"}], "PID|||1^^^CITY&1.2&ISO") == {"id": "CITY"}
    assert patient([{"from": "3.4.2", "to": "id"}], "PID|||1^^^CITY&1.2&ISO") == {"id": "1.2"}


def test_later_rule_overwrites_and_fallback_does_not() -> None:
    rules = [{"from": 7, "to": "birthDate", "as": "date"}, {"from": 29, "to": "birthDate", "as": "date"}]
    line = "PID|||||||1979" + "|" * 22 + "1980"
    assert patient(rules, line) == {"birthDate": "1980"}
    assert patient([rules[0], {**rules[1], "fallback": True}], line) == {"birthDate": "1979"}


def test_condition_decides() -> None:
    rules = [{"from": 7, "to": "birthDate", "as": "date", "when": "8 = F"}]
    assert patient(rules, "PID|||||||1979|F") == {"birthDate": "1979"}
    assert patient(rules, "PID|||||||1979|M") == {}


def test_null_deletes_and_a_null_component_is_nothing() -> None:
    conversion = run([{"from": 5, "to": "name*", "as": "XPN"}], 'PID|||||""')
    assert conversion.entries[0].clears == frozenset({"name"})
    assert patient([{"from": 5, "to": "name*", "as": "XPN"}], 'PID|||||LINDQVIST^""') == {
        "name": [{"family": "LINDQVIST"}]
    }


def test_constant_and_table() -> None:
    rules = [{"value": True, "to": "active"}, {"from": 8, "to": "gender", "as": "code", "table": "0001"}]
    assert patient(rules, "PID||||||||F") == {"active": True, "gender": "female"}


def test_reference_leads_to_the_nearest_entry() -> None:
    conversion = run([], "PID|1", "PV1|1")
    person, visit, *_ = conversion.entries
    assert visit.resource["subject"] == {"reference": person.full_url}


def test_section_condition_decides_whether_there_is_an_entry() -> None:
    conversion = run({"when": "18 present", "rules": []}, "PID|1")
    assert "Patient" not in [one.resource["resourceType"] for one in conversion.entries]


def test_bad_value_names_segment_field_and_component() -> None:
    with pytest.raises(ConversionError) as caught:
        run([{"from": 7, "to": "birthDate", "as": "date"}], "PID|||||||yesterday")
    assert (caught.value.code, caught.value.place) == ("102", "PID-7.1")
    assert "yesterday" not in str(caught.value)


def test_field_that_gave_nothing_is_unmapped() -> None:
    conversion = run(
        {"ignores": [1], "rules": [{"from": 25, "to": "multipleBirthInteger", "as": "SI"}]},
        "PID|1||7" + "|" * 22 + "two",
    )
    assert [place for place in conversion.unmapped if place.startswith("PID")] == ["PID-3", "PID-25"]


def test_what_is_remembered_of_a_sender_is_bounded() -> None:
    memory = Memory()
    for number in range(3 * Memory.MOST):
        memory[number] = number
    assert len(memory) <= Memory.MOST


def test_long_field_is_read_but_not_remembered() -> None:
    text = "x" * (REMEMBERED + 1)
    rules = [{"from": 16, "to": "maritalStatus", "as": "CWE"}]
    assert patient(rules, "PID" + "|" * 16 + f"M^{text}")["maritalStatus"]["text"] == text
