"""Plans of the database in words."""

from fhir_server.storage.find.explain import in_words

SCAN = {"stage": "IXSCAN", "indexName": "patient_date", "keyPattern": {"index.patient": 1, "index.date.low": -1}}


def test_stages_are_told_from_the_innermost() -> None:
    explained = {
        "queryPlanner": {"winningPlan": {"stage": "LIMIT", "inputStage": {"stage": "FETCH", "inputStage": SCAN}}}
    }
    told = "Observation: index patient_date on index.patient, index.date.low, then read the documents"
    assert in_words("Observation", explained, 0) == told


def test_what_the_database_does_not_do_by_an_index_is_told() -> None:
    plan = {"stage": "SORT", "inputStage": {"stage": "COLLSCAN"}}
    explained = {"stages": [{"$cursor": {"queryPlanner": {"winningPlan": {"queryPlan": plan}}}}]}
    told = in_words("Patient", explained, 2)
    assert "look at every document, then sort in memory" in told
    assert told.endswith("computed values, then put 2 steps of chains to each few candidates")
