"""Grammars of messages."""

import pytest

from hl7_bridge.er7 import parse
from hl7_bridge.structure import grammar_of
from hl7_bridge.structure.build import tables
from hl7_bridge.structure.grammar import Part, _tables, grammar_named, parse_grammar


def test_a_grammar_is_read_from_its_text() -> None:
    assert parse_grammar("X", "MSH NTE* A+( B? C?(| D E ) ) F") == Part(
        "X",
        parts=(
            Part("MSH"),
            Part("NTE", 0, True),
            Part("A", 1, True, (Part("B", 0), Part("C", 0, False, (Part("D"), Part("E")), True))),
            Part("F"),
        ),
    )


@pytest.mark.parametrize(
    ("nine", "version", "structure"),
    [
        ("ADT^A04^ADT_A01", "2.5.1", "ADT_A01"),
        ("ADT^A04", "2.5.1", "ADT_A01"),
        ("ADT^A31", "2.4", "ADT_A05"),
        ("ADT^A04", "2.1", "ADT_A04"),
        ("ORU^R01^WRONG", "2.9", "ORU_R01"),
        ("MDM^T09", "2.5.1", "MDM_T01"),
        ("MDM^T09", "9.9", "MDM_T01"),
        ("EHC^E01", "2.4", "EHC_E01"),
        ("ACK^A01", "2.3", "ACK"),
        ("ADT^A47", "2.8", "ADT_A30"),
        ("OML^O33", "", "OML_O33"),
    ],
)
def test_a_message_has_the_grammar_of_its_structure_or_its_event(nine: str, version: str, structure: str) -> None:
    grammar = grammar_of(parse(f"MSH|^~\\&|||||||{nine}|1|P|{version}".encode()))
    assert grammar is not None
    assert grammar.name == structure


def test_an_unknown_message_has_none() -> None:
    assert grammar_of(parse(b"MSH|^~\\&|||||||ZZZ^Z01|1|P|2.5")) is None


def test_the_data_file_is_what_the_tables_say() -> None:
    assert _tables() == tables()


def test_each_event_leads_to_a_structure_that_some_version_has() -> None:
    known = {name for structures in _tables()["structures"].values() for name in structures}
    assert set(_tables()["events"].values()) - known == set()


def test_made_up_names_do_not_fill_the_memory() -> None:
    for number in range(400):
        assert grammar_named("2.5.1", f"ADT_{number}") is None
    kept = grammar_named.cache_info()
    assert kept.maxsize is not None
    assert kept.currsize <= kept.maxsize < 400
