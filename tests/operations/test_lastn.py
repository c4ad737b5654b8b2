"""$lastn: the most recent Observations of each code."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from fhir_server.kernel.types import Version
from fhir_server.operations.lastn import Coded, code_names, last_of_each
from tests.make import observation

pytestmark = pytest.mark.anyio

LOINC = "http://loinc.org"


def coded(id_: str, *names: str) -> Coded:
    return Coded(Version("Observation", id_, 1, datetime(2026, 1, 1, tzinfo=UTC), "POST", b""), frozenset(names))


def ids(groups: list[list[Version]]) -> list[list[str]]:
    return [[version.id for version in group] for group in groups]


def test_each_code_has_its_newest() -> None:
    observations = [coded("1", "a"), coded("2", "b"), coded("3", "a"), coded("4", "a")]
    assert [["1", "3"], ["2"]] == ids(last_of_each(observations, 2))


def test_codes_that_an_observation_has_both_are_one_group() -> None:
    observations = [coded("1", "a"), coded("2", "b"), coded("3", "a", "b"), coded("4", "b")]
    assert [["1", "2", "3"]] == ids(last_of_each(observations, 3))


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ({"coding": [{"system": LOINC, "code": "1"}, {"code": "2"}], "text": "x"}, {f"{LOINC}|1", "|2"}),
        ({"text": "Body Weight"}, {"body weight"}),
        ({"coding": [{"display": "x"}]}, {""}),
    ],
)
def test_a_code_is_known_by_its_codings_else_by_its_text(code: dict[str, Any], names: set[str]) -> None:
    assert names == code_names(observation(code=code))


async def measured(fhir: httpx2.AsyncClient, subject: str, code: str, day: str | None, **elements: Any) -> str:
    dated = {} if day is None else {"effectiveDateTime": day}
    concept = {"coding": [{"system": LOINC, "code": code}]}
    sent = observation(subject={"reference": subject}, code=concept, **dated, **elements)
    response = await fhir.post("/Observation", json=sent)
    assert 201 == response.status_code
    id_: str = response.json()["id"]
    return id_


async def lastn(fhir: httpx2.AsyncClient, **params: str) -> list[str]:
    response = await fhir.get("/Observation/$lastn", params=params)
    assert 200 == response.status_code, response.text
    found = [entry["resource"]["id"] for entry in response.json().get("entry", [])]
    assert len(found) == response.json()["total"]
    return found


async def test_groups_come_newest_first_and_undated_observations_last(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    undated = await measured(fhir, subject, "1-1", None)
    old = await measured(fhir, subject, "1-1", "2020-01-01")
    new = await measured(fhir, subject, "1-1", "2021-01-01")
    other = await measured(fhir, subject, "2-2", "2022-01-01")
    await measured(fhir, f"Patient/{uuid4()}", "1-1", "2023-01-01")
    assert [other, new] == await lastn(fhir, patient=subject)
    assert [other, new, old, undated] == await lastn(fhir, subject=subject, max="3")
    assert [new] == await lastn(fhir, subject=subject, code=f"{LOINC}|1-1")


async def test_what_was_entered_in_error_is_nobodys_last_value(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    good = await measured(fhir, subject, "1-1", "2020-01-01")
    wrong = await measured(fhir, subject, "1-1", "2021-01-01", status="entered-in-error")
    assert [good] == await lastn(fhir, patient=subject)
    assert [wrong] == await lastn(fhir, patient=subject, status="entered-in-error")


async def test_a_reverse_chain_selects_as_in_a_search(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    await measured(fhir, subject, "1-1", "2020-01-01")
    assert [] == await lastn(fhir, patient=subject, **{"_has:DiagnosticReport:result:status": "final"})


async def test_parameters_can_be_posted(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    id_ = await measured(fhir, subject, "1-1", "2020-01-01")
    parameters = [{"name": "patient", "valueString": subject}, {"name": "max", "valuePositiveInt": 2}]
    response = await fhir.post("/Observation/$lastn", json={"resourceType": "Parameters", "parameter": parameters})
    assert [id_] == [entry["resource"]["id"] for entry in response.json()["entry"]]


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({}, "patient"),
        ({"patient": "1", "max": "0"}, "max"),
        ({"patient": "1", "colour": "red"}, "colour"),
        ({"patient": "1", "_count": "3"}, "_count"),
        ({"patient": "1", "_include": "Observation:subject"}, "_include"),
        ({"patient": "1", "_page": "x"}, "_page"),
        ({"patient": "1", "_type": "Observation"}, "_type"),
        ({"patient": "1", "date": "x"}, "date"),
    ],
)
async def test_a_bad_parameter_is_400_and_named(fhir: httpx2.AsyncClient, params: dict[str, str], name: str) -> None:
    response = await fhir.get("/Observation/$lastn", params=params)
    assert (400, [name]) == (response.status_code, response.json()["issue"][0]["expression"])
