"""Queries about patients: what is searched for, and what answers."""

from typing import Any

import pytest

from hl7_bridge.ack import query_reply
from hl7_bridge.er7 import Message, Writer, parse
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.outbound.partner import Partner
from hl7_bridge.query import PatientQuery, found_none, query_of, rows
from tests.hl7_bridge.maps.converted import converter

JANE: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [
        {"system": "urn:oid:1.2.3", "value": "A1"},
        {"system": "urn:hl7v2:authority:HOSP", "value": "77"},
    ],
    "name": [{"family": "DOE", "given": ["JANE"]}],
    "birthDate": "1980-01-01",
    "gender": "female",
}


def message(trigger: str, query: str, limit: str = "") -> Message:
    header = f"MSH|^~\\&|WARD|HOSP|FHIR|HOME|20240501||QBP^{trigger}|Q1|P|2.5"
    return parse(f"{header}\rQPD|{trigger}^Query^HL7|T1|{query}\rRCP|I|{limit}\r".encode())


def asked(trigger: str, query: str, limit: str = "") -> PatientQuery:
    source = message(trigger, query, limit)
    found = query_of(source, converter().sender(source))
    assert found is not None
    return found


def test_candidates_fit_all_that_is_known_of_the_person() -> None:
    query = asked("Q22", "@PID.5.1^DOE*~@PID.5.2^Jané~@PID.7^19800101~@PID.8^F~@PID.11.5^123 45")
    assert query.criteria == "family=DOE&given=Jan%C3%A9&birthdate=1980-01-01&gender=female&address-postalcode=123%2045"
    assert query.by_id is False


def test_number_and_authority_are_one_criterion() -> None:
    assert asked("Q22", "@PID.3.1^77~@PID.3.4^HOSP").criteria == "identifier=urn:hl7v2:authority:HOSP|77"
    assert asked("Q22", "@PID.3.1^77").criteria == "identifier=77"


@pytest.mark.parametrize("trigger", ["Q21", "Q23"])
def test_known_person_is_found_by_the_identifier(trigger: str) -> None:
    query = asked(trigger, "77^^^HOSP^MR|^^^&1.2.3&ISO")
    assert query.criteria == "identifier=urn:hl7v2:authority:HOSP|77"
    assert (query.domains, query.by_id) == (frozenset({"urn:oid:1.2.3"}), True)


@pytest.mark.parametrize(("sent", "limit"), [("5^RD", 5), ("", 100), ("100000^RD", 100), ("x", 100), ("0^RD", 100)])
def test_answer_is_as_long_as_the_asker_wants_and_not_longer_than_we_do(sent: str, limit: int) -> None:
    assert asked("Q22", "@PID.5.1^DOE", sent).limit == limit


@pytest.mark.parametrize(
    ("query", "code"),
    [("", "101"), ("@PID.26^SWE", "103"), ("@PV1.3^W1", "103"), ("@PID.7^soon", "102"), ("DOE", "101")],
)
@pytest.mark.parametrize("field", ["QPD-3"])
def test_what_cannot_be_searched_for_is_refused_with_its_place(query: str, code: str, field: str) -> None:
    with pytest.raises(ConversionError) as caught:
        asked("Q22", query)
    assert (caught.value.code, caught.value.place) == (code, field)


def test_query_without_parameters_is_refused() -> None:
    source = parse(b"MSH|^~\\&|||||||QBP^Q22|9|P|2.5\r")
    with pytest.raises(ConversionError) as caught:
        query_of(source, converter().sender(source))
    assert (caught.value.code, caught.value.place) == ("100", "QPD")


def test_other_messages_and_queries_about_other_things_are_none_about_patients() -> None:
    for type_ in (b"ADT^A01", b"QBP^Q11"):
        source = parse(b"MSH|^~\\&|||||||" + type_ + b"|9|P|2.5\r")
        assert query_of(source, converter().sender(source)) is None


def answer(query: PatientQuery, *patients: dict[str, Any]) -> list[str]:
    writer = Writer()
    rows(query, patients, Partner())(writer)
    return writer.text().split("\r")[:-1]


def test_each_patient_found_is_a_pid() -> None:
    lines = answer(asked("Q22", "@PID.5.1^DOE"), JANE, {**JANE, "name": [{"family": "DOE", "given": ["JOAN"]}]})
    assert lines[0].startswith("PID|1||A1^^^&1.2.3&ISO~77^^^HOSP||DOE^JANE^^^^^L||19800101|F")
    assert lines[1].startswith("PID|2|")


def test_only_the_identifiers_of_the_wanted_domains_are_told() -> None:
    [line] = answer(asked("Q23", "77^^^HOSP|^^^&1.2.3&ISO"), JANE)
    assert line.split("|")[3] == "A1^^^&1.2.3&ISO"


def test_no_more_patients_are_told_than_wanted() -> None:
    assert len(answer(asked("Q22", "@PID.5.1^DOE", "1^RD"), JANE, JANE)) == 1


def test_rows_stand_in_the_reply_that_the_query_asks_for() -> None:
    source = message("Q22", "@PID.5.1^DOE")
    reply = query_reply(source, "OK", 1, rows(asked("Q22", "@PID.5.1^DOE"), [JANE], Partner()))
    assert reply is not None


def test_person_whom_nobody_knows_is_an_error_and_no_candidate_is_an_answer() -> None:
    error = found_none(asked("Q23", "0^^^HOSP"))
    assert error is not None
    assert (error.code, error.place) == ("204", "QPD-3")
    assert found_none(asked("Q22", "@PID.5.1^DOE")) is None
