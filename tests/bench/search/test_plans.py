from typing import Any

from bench.search.plans import Explained, plan_of

COUNTS = {"totalKeysExamined": 30, "totalDocsExamined": 5_000, "nReturned": 20, "executionTimeMillis": 7}


def answer(winning: dict[str, Any]) -> dict[str, Any]:
    return {"queryPlanner": {"winningPlan": winning}, "executionStats": {**COUNTS, "executionStages": winning}}


def test_plan_names_every_index_once_with_what_it_looks_at() -> None:
    scans = [{"stage": "IXSCAN", "indexName": name} for name in ("date", "date", "date.span")]
    plan = plan_of("find Observation", answer({"stage": "FETCH", "inputStage": {"stage": "OR", "inputStages": scans}}))
    assert plan.indexes == ("date", "date.span")
    assert (plan.keys, plan.documents, plan.returned, plan.milliseconds) == (30, 5_000, 20, 7)
    assert not plan.is_bad


def test_reading_a_whole_collection_is_bad() -> None:
    assert plan_of("find Patient", answer({"stage": "COLLSCAN"})).is_bad


def test_sort_of_many_documents_is_bad_and_of_few_is_not() -> None:
    many = answer({"stage": "SORT", "inputStage": {"stage": "IXSCAN", "indexName": "rare"}})
    assert plan_of("find Patient", many).is_bad
    many["executionStats"]["totalDocsExamined"] = 100
    assert not plan_of("find Patient", many).is_bad


def test_later_stages_of_an_aggregation_count_as_sorts_too() -> None:
    first = {"$cursor": answer({"stage": "IXSCAN", "indexName": "rare"})}
    assert plan_of("aggregate Patient", {"stages": [first, {"$sort": {"x": 1}}]}).sorted_in_memory == 5_000
    assert plan_of("aggregate Patient", {"stages": [first, {"$group": {}}]}).sorted_in_memory == 0


def test_many_keys_for_few_hits_are_bad_and_for_many_hits_are_not() -> None:
    counted = answer({"stage": "IXSCAN", "indexName": "date"})
    counted["executionStats"]["totalKeysExamined"] = 400_000
    plan = plan_of("aggregate Observation", counted)
    assert (plan.remarks, plan.is_bad) == ("WASTE", True)
    counted["executionStats"]["nReturned"] = 60_000
    assert plan_of("aggregate Observation", counted).remarks == ""


def test_hits_that_are_only_counted_count_as_hits() -> None:
    assert plan_of("count Observation", answer({"stage": "COUNT", "nCounted": 30})).returned == 30


def test_refused_search_is_bad() -> None:
    assert Explained("/Patient", (), "503: too long").is_bad
