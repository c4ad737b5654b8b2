from typing import Any

import pytest

from hl7_bridge.inbound.questions import answers, recorded_since, searches
from hl7_bridge.ports import Question


def resource(id_: str, *identifiers: tuple[str, str], type_: str = "Patient") -> dict[str, Any]:
    listed = [{"system": system, "value": value} for system, value in identifiers]
    return {"resourceType": type_, "id": id_, "identifier": listed}


def test_identifiers_of_one_type_are_asked_for_together() -> None:
    questions = [
        Question("Patient", "identifier=urn:a|1"),
        Question("Encounter", "identifier=urn:v|1"),
        Question("Patient", "identifier=urn:a|2"),
    ]
    [patients, encounters] = searches(questions)
    assert (patients.type, patients.params, patients.places) == (
        "Patient",
        (("identifier", "urn:a|1,urn:a|2"),),
        (0, 2),
    )
    assert (encounters.type, encounters.places) == ("Encounter", (1,))


def test_every_hit_goes_to_the_questions_that_it_answers() -> None:
    questions = [Question("Patient", f"identifier=urn:a|{value}") for value in "123"]
    [search] = searches(questions)
    both, two = resource("x", ("urn:a", "1"), ("urn:a", "2")), resource("y", ("urn:a", "2"), ("urn:b", "3"))
    assert answers(search, [both, two]) == {0: [both], 1: [both, two], 2: []}


def test_other_criteria_are_asked_as_they_stand() -> None:
    criteria = ["identifier=1", "identifier=urn:a|1,urn:b|2", "identifier=urn:a|1&subject=Patient/1", "code=x"]
    made = searches([Question("Observation", one) for one in criteria])
    assert [search.places for search in made] == [(0,), (1,), (2,), (3,)]
    assert made[2].params == (("identifier", "urn:a|1"), ("subject", "Patient/1"))
    hit = resource("x", type_="Observation")
    assert answers(made[0], [hit]) == {0: [hit]}


def test_escapes_of_url_and_search_are_undone_for_the_comparison() -> None:
    [search] = searches([Question("Patient", "identifier=urn:a|A%5C%7C1%20b")])
    assert search.params == (("identifier", "urn:a|A\\|1 b"),)
    hit = resource("x", ("urn:a", "A|1 b"))
    assert answers(search, [hit]) == {0: [hit]}


def test_many_identifiers_make_several_searches() -> None:
    made = searches([Question("Patient", f"identifier=urn:a|{number}") for number in range(120)])
    assert [len(search.places) for search in made] == [50, 50, 20]


def test_a_master_identifier_answers_too() -> None:
    [search] = searches([Question("DocumentReference", "identifier=urn:a|1")])
    document = {"resourceType": "DocumentReference", "masterIdentifier": {"system": "urn:a", "value": "1"}}
    assert answers(search, [document]) == {0: [document]}


@pytest.mark.parametrize(
    ("moment", "since"),
    [
        ("2024", "2023-12-30"),
        ("2024-03", "2024-02-28"),
        ("2024-05-03", "2024-05-01"),
        ("2024-05-03T10:00:00.123+02:00", "2024-05-01"),
    ],
)
def test_what_happened_after_a_moment_was_recorded_since_two_days_before_it(moment: str, since: str) -> None:
    assert recorded_since(moment) == since
