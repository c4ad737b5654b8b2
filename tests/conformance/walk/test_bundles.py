"""Bundles, by https://hl7.org/fhir/R4/bundle.html#invs."""

from typing import Any

import pytest

from tests.conformance.walk.judge import Found, found, patient, problems

GET = {"method": "GET", "url": "Patient"}
OK = {"status": "200"}
COMPOSITION = {
    "resourceType": "Composition",
    "status": "final",
    "type": {"text": "a"},
    "date": "2024",
    "author": [{"display": "a"}],
    "title": "a",
}
HEADER = {"resourceType": "MessageHeader", "eventUri": "urn:a", "source": {"endpoint": "http://x.org"}}
DOCUMENT = {"identifier": {"system": "urn:a", "value": "1"}, "timestamp": "2024-01-01T00:00:00Z"}


def bundle(type_: str, *entries: Any, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, **({"entry": list(entries)} if entries else {}), **elements}


def located(url: str, **elements: Any) -> dict[str, Any]:
    return {"fullUrl": url, "resource": patient(**elements)}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (bundle("searchset", {"resource": patient(), "search": {"mode": "match"}}, total=1), []),
        (bundle("transaction", {"request": GET}), []),
        (bundle("batch-response", {"response": OK}), []),
        (bundle("history", {"request": GET, "response": OK}, total=1), []),
        (bundle("document", {"resource": COMPOSITION}, **DOCUMENT), []),
        (bundle("message", {"resource": HEADER}), []),
        (bundle("collection"), []),
        (bundle("collection", total=1), [("bdl-1", ".total")]),
        (bundle("collection", {"resource": patient(), "search": {"score": 1}}), [("bdl-2", ".entry[0].search")]),
        (bundle("transaction", {"resource": patient()}), [("bdl-3", ".entry[0].request")]),
        (bundle("collection", {"request": GET}), [("bdl-3", ".entry[0].request")]),
        (bundle("transaction-response", {"resource": patient()}), [("bdl-4", ".entry[0].response")]),
        (bundle("searchset", {"response": OK}), [("bdl-4", ".entry[0].response")]),
        (bundle("history", {"resource": patient()}), [("bdl-3", ".entry[0].request"), ("bdl-4", ".entry[0].response")]),
        (bundle("collection", {"fullUrl": "urn:a:b"}), [("bdl-5", ".entry[0]")]),
        (bundle("collection", located("urn:a:b"), located("urn:a:b")), [("bdl-7", ".entry[1].fullUrl")]),
        (
            bundle(
                "collection", located("urn:a:b", meta={"versionId": "1"}), located("urn:a:b", meta={"versionId": "2"})
            ),
            [],
        ),
        (bundle("collection", located("http://x.org/Patient/1/_history/1")), [("bdl-8", ".entry[0].fullUrl")]),
        (bundle("document", {"resource": COMPOSITION}), [("bdl-9", ".identifier"), ("bdl-10", ".timestamp")]),
        (
            bundle("document", {"resource": COMPOSITION}, **DOCUMENT | {"identifier": {"value": "1"}}),
            [("bdl-9", ".identifier")],
        ),
        (bundle("document", {"resource": patient()}, **DOCUMENT), [("bdl-11", ".entry[0].resource")]),
        (bundle("document", **DOCUMENT), [("bdl-11", ".entry[0].resource")]),
        (bundle("message", {"resource": patient()}), [("bdl-12", ".entry[0].resource")]),
    ],
)
def test_parts_belong_to_the_type_of_the_bundle(resource: dict[str, Any], expected: Found) -> None:
    assert [(p.diagnostics.partition(":")[0], p.expression) for p in problems(resource)] == [
        (key, f"Bundle{place}") for key, place in expected
    ]


def test_history_may_repeat_a_full_url() -> None:
    entry = {"fullUrl": "http://x.org/Patient/1", "request": GET, "response": OK}
    assert found(bundle("history", entry, entry)) == []


@pytest.mark.parametrize(
    ("url", "identity", "is_valid"),
    [
        ("http://x.org/Patient/1", "1", True),
        ("http://x.org/Patient/2", "1", False),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "1", True),
        ("http://x.org/elsewhere/2", "1", True),
    ],
)
def test_full_url_agrees_with_the_id(url: str, identity: str, is_valid: bool) -> None:
    expected = [] if is_valid else [("value", "Bundle.entry[0].fullUrl")]
    assert found(bundle("collection", located(url, id=identity))) == expected


def test_resources_of_entries_are_checked_where_they_stand() -> None:
    assert found(bundle("collection", {"resource": patient(gender="x")})) == [
        ("code-invalid", "Bundle.entry[0].resource.gender")
    ]
    assert found(bundle("collection", {"resource": {"resourceType": "Nonsense"}})) == [
        ("structure", "Bundle.entry[0].resource")
    ]


@pytest.mark.parametrize("entry", [None, 1, "a", [], {}, {"resource": None}, {"resource": []}, {"fullUrl": 1}])
def test_garbage_in_entries_is_a_problem(entry: Any) -> None:
    assert found(bundle("document", entry)) != []
