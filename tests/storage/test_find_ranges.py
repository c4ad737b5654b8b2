"""Filters on intervals: the tightened form finds the same, and says both bounds in every branch."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.kernel.query import Filter
from fhir_server.storage.find.order import value_at
from fhir_server.storage.find.probe import joined
from fhir_server.storage.find.ranges import apart, tightened

BEGINNING: Filter = {
    "$or": [
        {"a.low": {"$gte": 5}},
        {"a.low": {"$gte": 2, "$lt": 5}, "a.high": {"$gt": 7}},
        {"a.span": True, "a.low": {"$lt": 5}, "a.high": {"$gt": 7}},
    ]
}


def test_bounds_beside_a_choice_go_into_every_branch() -> None:
    assert tightened([{"$and": [{"index.b": "x"}, BEGINNING]}, {"a.low": {"$lt": 9}}]) == {
        "$or": [
            {"index.b": "x", "a.low": {"$gte": 5, "$lt": 9}},
            {"index.b": "x", "a.low": {"$gte": 2, "$lt": 5}, "a.high": {"$gt": 7}},
            {"index.b": "x", "a.span": True, "a.low": {"$lt": 5}, "a.high": {"$gt": 7}},
        ]
    }


def test_two_choices_on_one_interval_become_one_without_branches_that_nothing_satisfies() -> None:
    until: Filter = {"$or": [{"a.low": {"$lt": 8}}, {"a.low": {"$gte": 8, "$lt": 9}, "a.high": {"$lte": 9}}]}
    found = tightened([BEGINNING, until])
    assert [branch["a.low"] for branch in found["$or"]] == [
        {"$gte": 5, "$lt": 8},
        {"$gte": 8, "$lt": 9},
        {"$gte": 2, "$lt": 5},
        {"$lt": 5},
    ]


def test_what_nothing_can_satisfy_reads_nothing() -> None:
    assert tightened([{"$or": [{"a.low": {"$gte": 5}}, {"a.low": {"$gt": 6}}]}, {"a.low": {"$lt": 5}}]) == {
        "_id": {"$in": []}
    }


def test_one_instant_is_left_between_bounds_that_both_include_it() -> None:
    choice: Filter = {"$or": [{"a.low": {"$gte": 5}}, {"a.low": {"$gt": 5}}]}
    assert tightened([choice, {"a.low": {"$lte": 5}}]) == {"a.low": {"$gte": 5, "$lte": 5}}
    assert tightened([choice, {"a.low": {"$lt": 5}}]) == {"_id": {"$in": []}}


def test_long_lists_are_not_repeated_in_every_branch() -> None:
    many: Filter = {"index.b": {"$in": [str(number) for number in range(101)]}}
    found = tightened([BEGINNING, many, {"index.c": "x"}])
    assert found["$and"][1] == many
    assert all(branch["index.c"] == "x" and "index.b" not in branch for branch in found["$and"][0]["$or"])


def test_conditions_with_an_index_of_their_own_stay_beside_the_branches() -> None:
    for own in (
        {"index.rare.status": "x"},
        {"$or": [{"index.b": "x"}, {"index.c": "y"}]},
        {"compartments": "Patient/a"},
    ):
        found = tightened([own, BEGINNING])
        assert found == {"$and": [BEGINNING, own]}


def test_equalities_stay_beside_the_branches_when_hits_are_read_in_another_order() -> None:
    equal: Filter = {"index.b": "x"}
    assert tightened([equal, BEGINNING], ordered_by="b.low") == {"$and": [BEGINNING, equal]}
    assert "$or" in tightened([equal, BEGINNING], ordered_by="a.low")


def test_interval_in_whose_order_hits_are_read_takes_the_equalities_in() -> None:
    other: Filter = {"$or": [{"c.low": {"$gte": 5}}, {"c.low": {"$lt": 5}, "c.high": {"$gt": 7}}]}
    found = tightened([BEGINNING, other, {"index.b": "x"}], ordered_by="c.low")
    assert found == {"$and": [{"$or": [{"index.b": "x", **branch} for branch in other["$or"]]}, BEGINNING]}


def test_last_update_is_the_last_interval_to_take_others_in() -> None:
    updated: Filter = {"$or": [{"index._lastUpdated.low": {"$gte": 5}}, {"index._lastUpdated.low": {"$lt": 3}}]}
    assert tightened([updated, BEGINNING]) == {"$and": [BEGINNING, updated]}


def test_disjoint_branches_are_counted_apart() -> None:
    own: Filter = {"index.rare.status": "x"}
    begins = [{"$gte": 5}, {"$gte": 2, "$lt": 5}, {"$lt": 2}]
    disjoint: Filter = {"$or": [{"a.low": begin} for begin in begins]}
    assert apart([disjoint, own]) == [{**own, "a.low": begin} for begin in begins]
    assert len(apart([BEGINNING, own])) == 1


def test_place_of_a_page_is_a_bound_of_every_branch() -> None:
    place: Filter = {"a.low": {"$lte": 9}, "$or": [{"a.low": {"$lt": 9}}, {"_id": {"$gt": "x"}}]}
    assert tightened([BEGINNING, place]) == {
        "$or": [
            {"a.low": {"$gte": 5, "$lt": 9}},
            {"a.low": {"$gte": 9, "$lte": 9}, "_id": {"$gt": "x"}},
            {"a.low": {"$gte": 2, "$lt": 5}, "a.high": {"$gt": 7}},
            {"a.span": True, "a.low": {"$lt": 5}, "a.high": {"$gt": 7}},
        ]
    }


def test_filters_without_a_choice_on_an_interval_stay_as_they_are() -> None:
    for filters in ([{"b": "x"}], [{"a.low": {"$gte": 1}}, {"a.low": {"$lt": 2}}], [{"$or": [{"b": 1}, {"c": 2}]}], []):
        assert tightened(filters) == joined(filters)


numbers = st.integers(0, 3)
bounds = st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), numbers, min_size=1, max_size=2)
members = st.sampled_from(["a.low", "a.high", "c.low"])
branch = st.one_of(
    st.fixed_dictionaries({"a.low": bounds}, optional={"a.high": bounds, "a.span": st.just(True)}),
    st.fixed_dictionaries({"c.low": bounds}),
)
conditions = st.recursive(
    st.one_of(
        st.fixed_dictionaries({"index.b": st.sampled_from(["x", "y"])}),
        st.fixed_dictionaries({"b": st.just({"$in": ["x", "z"]})}),
        st.fixed_dictionaries({"a.low": st.one_of(bounds, st.none())}),
        st.dictionaries(members, bounds, min_size=1),
        st.fixed_dictionaries({"$or": st.lists(branch, min_size=1, max_size=3)}),
        st.builds(
            lambda operator, at, id_: {"$or": [{"a.low": {operator: at}}, {"_id": {"$gt": id_}}]},
            st.sampled_from(["$lt", "$gt"]),
            numbers,
            st.sampled_from(["m", "n"]),
        ),
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$nor": st.lists(inner, min_size=1, max_size=2)}),
    ),
    max_leaves=4,
)
intervals = st.fixed_dictionaries({"low": numbers, "high": numbers}, optional={"span": st.just(True)})
kinds = st.sampled_from(["x", "y"])
documents = st.fixed_dictionaries(
    {"b": kinds, "index": st.fixed_dictionaries({"b": kinds})}, optional={"a": intervals, "c": intervals}
)


choices = st.fixed_dictionaries({"$or": st.lists(branch, min_size=1, max_size=3)})
searches = st.builds(lambda first, others: [first, *others], choices, st.lists(conditions, max_size=3))


@settings(max_examples=1_000)
@given(filters=searches, document=documents)
def test_tightened_filter_finds_the_same(filters: list[Filter], document: dict[str, Any]) -> None:
    expected = all(matches(one, document) for one in filters)
    assert matches(tightened(filters), document) == expected
    assert matches(tightened(filters, ordered_by="c.low"), document) == expected
    assert [matches(one, document) for one in apart(filters)].count(True) == int(expected)


def matches(filter_: Filter, document: dict[str, Any]) -> bool:
    """Tell what MongoDB finds, as far as these tests go."""
    return all(_holds(name, condition, document) for name, condition in filter_.items())


def _holds(name: str, condition: Any, document: dict[str, Any]) -> bool:
    match name:
        case "$and":
            return all(matches(part, document) for part in condition)
        case "$or":
            return any(matches(part, document) for part in condition)
        case "$nor":
            return not any(matches(part, document) for part in condition)
    value = value_at(document, name)
    if not isinstance(condition, Mapping):
        return bool(value == condition)
    return all(_compares(operator, value, wanted) for operator, wanted in condition.items())


def _compares(operator: str, value: Any, wanted: Any) -> bool:
    if operator == "$in":
        return value in wanted
    if value is None:
        return False
    answers = {"$gt": value > wanted, "$gte": value >= wanted, "$lt": value < wanted, "$lte": value <= wanted}
    return bool(answers[operator])
