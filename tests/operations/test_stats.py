"""$stats over stored Observations."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from conformance.load import definitions
from conformance.walk import Validator
from tests.make import observation

pytestmark = pytest.mark.anyio

SYSTEM = "urn:test:codes"
UCUM = "http://unitsofmeasure.org"


async def weigh(fhir: httpx2.AsyncClient, subject: str, value: float, unit: str = "kg", **elements: Any) -> None:
    measured = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    concept = {"coding": [{"system": SYSTEM, "code": "weight,|$"}]}
    sent = observation(subject={"reference": subject}, code=concept, valueQuantity=measured, **elements)
    assert 201 == (await fhir.post("/Observation", json=sent)).status_code


async def stats(fhir: httpx2.AsyncClient, subject: str, *statistics: str, **params: str) -> httpx2.Response:
    code = [("code", "weight,|$"), ("system", SYSTEM)]
    asked: list[tuple[str, Any]] = [
        ("subject", subject),
        *code,
        *(("statistic", name) for name in statistics),
        *params.items(),
    ]
    return await fhir.get("/Observation/$stats", params=httpx2.QueryParams(asked))


def told(response: httpx2.Response) -> dict[str, Any]:
    """Return the quantities by statistic; the answer must be valid FHIR."""
    assert 200 == response.status_code, response.text
    (first, *_) = response.json()["parameter"]
    errors = [one for one in Validator(definitions()).issues(response.json()) if one.severity == "error"]
    assert ("statistics", []) == (first["name"], errors)
    return {one["code"]["coding"][0]["code"]: one.get("valueQuantity") for one in first["resource"]["component"]}


async def test_statistics_have_the_unit_of_the_measurements(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    for value in (70, 71.5, 74):
        await weigh(fhir, subject, value)
    await weigh(fhir, subject, 700, status="entered-in-error")
    await weigh(fhir, f"Patient/{uuid4()}", 1)
    quantities = told(await stats(fhir, subject, "average", "max", "minimum", "variance", "count"))
    kilograms = {"unit": "kg", "system": UCUM, "code": "kg"}
    assert {"value": 71.833, **kilograms} == quantities["average"]
    assert {"value": 74, **kilograms} == quantities["maximum"]
    assert {"value": 70, **kilograms} == quantities["minimum"]
    assert {"value": 4.083, "unit": "(kg)2", "system": UCUM, "code": "(kg)2"} == quantities["variance"]
    assert {"value": 3} == quantities["count"]


async def test_the_period_bounds_what_is_counted(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    recent = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    await weigh(fhir, subject, 1, effectiveDateTime=recent)
    await weigh(fhir, subject, 2, effectiveDateTime="2020-05-05")
    coding = {"system": SYSTEM, "code": "weight,|$"}
    parameters = [
        {"name": "subject", "valueUri": subject},
        {"name": "coding", "valueCoding": coding},
        {"name": "statistic", "valueCode": "sum"},
        {"name": "period", "valuePeriod": {"start": "2020", "end": "2021"}},
    ]
    posted = await fhir.post("/Observation/$stats", json={"resourceType": "Parameters", "parameter": parameters})
    assert 2 == told(posted)["sum"]["value"]
    assert 1 == told(await stats(fhir, subject, "sum", duration="2"))["sum"]["value"]
    assert 3 == told(await stats(fhir, subject, "sum"))["sum"]["value"]


async def test_sources_come_where_asked(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    for value in (1, 2, 3):
        await weigh(fhir, subject, value)
    for params, count in (
        ({}, 0),
        ({"limit": "2"}, 0),
        ({"include": "true"}, 3),
        ({"include": "true", "limit": "2"}, 2),
    ):
        names = [one["name"] for one in (await stats(fhir, subject, "sum", **params)).json()["parameter"]]
        assert count == names.count("source")


async def test_without_measurements_only_the_counts_are_told(fhir: httpx2.AsyncClient) -> None:
    quantities = told(await stats(fhir, f"Patient/{uuid4()}", "average", "count", "total-count"))
    assert {"average": None, "count": {"value": 0}, "total-count": {"value": 0}} == quantities


async def test_different_units_are_422(fhir: httpx2.AsyncClient) -> None:
    subject = f"Patient/{uuid4()}"
    await weigh(fhir, subject, 70)
    await weigh(fhir, subject, 150, unit="[lb_av]")
    assert 422 == (await stats(fhir, subject, "average")).status_code
    assert 2 == told(await stats(fhir, subject, "count"))["count"]["value"]


GOOD = {"subject": "Patient/1", "code": "a", "statistic": "sum"}


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"code": "a", "statistic": "sum"}, "subject"),
        ({"subject": "Patient/1", "statistic": "sum"}, "code"),
        ({"subject": "Patient/1", "code": "a"}, "statistic"),
        ({**GOOD, "statistic": "skew"}, "statistic"),
        ({**GOOD, "duration": "-1"}, "duration"),
        ({**GOOD, "duration": "1e30"}, "duration"),
        ({**GOOD, "include": "maybe"}, "include"),
        ({**GOOD, "limit": "0"}, "limit"),
        ({**GOOD, "period": "2020"}, "period"),
        ({**GOOD, "colour": "red"}, "colour"),
    ],
)
async def test_a_bad_parameter_is_400_and_named(fhir: httpx2.AsyncClient, params: dict[str, str], name: str) -> None:
    response = await fhir.get("/Observation/$stats", params=params)
    assert (400, [name]) == (response.status_code, response.json()["issue"][0]["expression"])
