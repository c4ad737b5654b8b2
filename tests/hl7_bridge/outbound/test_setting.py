"""What is gathered around a resource."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from hl7_bridge.outbound import Known, gather
from hl7_bridge.outbound.setting import references

pytestmark = pytest.mark.anyio

STORE: dict[str, dict[str, Any]] = {
    "Observation/1": {"resourceType": "Observation", "id": "1", "hasMember": [{"reference": "Observation/2"}]},
    "Observation/2": {"resourceType": "Observation", "id": "2", "derivedFrom": [{"reference": "Observation/1"}]},
    "Patient/p": {"resourceType": "Patient", "id": "p"},
}
REPORT = {"subject": {"reference": "Patient/p"}, "result": [{"reference": "Observation/1"}, {"reference": "#inner"}]}


READ: list[str] = []


async def read(wanted: Collection[str]) -> Mapping[str, dict[str, Any]]:
    READ.extend(wanted)
    return {one: STORE[one] for one in wanted if one in STORE}


async def test_references_are_followed_round_circles_too() -> None:
    READ.clear()
    assert set((await gather(REPORT, read)).resources) == set(STORE)
    assert sorted(READ) == sorted(STORE)


async def test_references_are_followed_no_further_than_asked() -> None:
    assert set((await gather(REPORT, read, depth=1)).resources) == {"Patient/p", "Observation/1"}


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("Patient/p", "p"),
        ("Patient/p/_history/3", "p"),
        ("https://example.org/fhir/Patient/p", "p"),
        ("Patient/away", None),
        ("#inner", "inner"),
        ("#away", None),
        (None, None),
    ],
)
def test_a_reference_leads_to_its_resource(target: str | None, found: str | None) -> None:
    within = {"contained": [{"id": "inner"}]}
    got = Known(STORE).get({"reference": target}, within)
    assert (got or {}).get("id") == found


def test_only_references_to_other_resources_are_followed() -> None:
    value = {
        "a": [{"reference": "#x"}, {"reference": "urn:uuid:1"}, {"b": {"reference": "https://e.org/fhir/Patient/1"}}]
    }
    assert list(references(value)) == ["Patient/1"]
