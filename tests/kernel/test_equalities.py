"""fhir_server.kernel.equalities: which filters ask for nothing but values, one of them a link to a record."""

from typing import Any

import pytest

from fhir_server.kernel.equalities import Equalities, equalities

PATIENT = {"index.patient": {"$in": ["Patient/1", "http://here/Patient/1"]}}
LINK = ("index.patient", frozenset({"Patient/1", "http://here/Patient/1"}))


def test_link_and_values_are_told_apart() -> None:
    found = equalities({"$and": [{"index.code": "s|c"}, {"$and": [PATIENT, {"index.status": {"$in": ["a", "b"]}}]}]})
    others = (("index.code", frozenset({"s|c"})), ("index.status", frozenset({"a", "b"})))
    assert found == Equalities(LINK, others, ("index.patient", "index.code", "index.status"))


def test_of_two_links_one_is_the_link() -> None:
    found = equalities({"$and": [{"index.encounter": "Encounter/1"}, PATIENT]})
    assert found is not None
    assert {found.link, *found.others} == {("index.encounter", frozenset({"Encounter/1"})), LINK}


@pytest.mark.parametrize(
    "filter_",
    [
        {"index.code": "s|c"},
        {"index.subject": "Group/1"},
        {"index.patient": {"$in": ["Patient/1", "Group/1"]}},
        {"index.patient": {"$in": [f"Patient/{number}" for number in range(9)]}},
        {"index.related.patient": "Patient/1"},
        {"$and": [PATIENT, {"index.date.low": {"$gte": 1}}]},
        {"$and": [PATIENT, {"index.code": {"$exists": False}}]},
        {"$and": [PATIENT, {"index.code": {"$in": ["a"], "$nin": ["b"]}}]},
        {"$and": [PATIENT, {"$nor": [{"index.code": "a"}]}]},
        {"$or": [PATIENT, {"index.code": "a"}]},
        {},
    ],
)
def test_other_filters_ask_for_more_or_may_find_much(filter_: dict[str, Any]) -> None:
    assert equalities(filter_) is None


def test_a_part_of_the_filter_can_be_left_out() -> None:
    rule = {"security": {"$ne": "secret"}}
    assert equalities({"$and": [PATIENT, rule]}) is None
    assert equalities({"$and": [PATIENT, rule]}, besides=rule) == equalities(PATIENT)
    assert equalities({"$and": [PATIENT, dict(rule)]}, besides=rule) is None
