"""The example searches of R4's search page, and the parameters of seven types, against the running server.

Spec: https://hl7.org/fhir/R4/search.html, and the section "Search Parameters" of the pages of these types.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import yaml

from conformance.load import definitions
from fhir_server.search import Search
from fhir_server.search.registry import Parameter

pytestmark = pytest.mark.anyio

SECTIONS: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "specification.yaml").read_text("utf-8"))
STRICT = {"Prefer": "handling=strict"}

TYPES = ("Patient", "Observation", "Encounter", "MedicationRequest", "Appointment", "Claim", "Invoice")
VALUES: Mapping[str, str] = {
    "date": "ge2013-03-14",
    "number": "gt0.8",
    "quantity": "5.4|http://unitsofmeasure.org|mg",
    "string": "peter",
    "token": "http://acme.org/codes|abc",
    "uri": "http://acme.org/fhir/123",
    "special": "47|8",
}


def examples() -> Iterator[Any]:
    for section, searches in SECTIONS.items():
        for search, expected in searches.items():
            yield pytest.param(search, expected, id=f"{section.partition(' ')[0]}:{search}")


def plain_searches() -> Iterator[str]:
    registry = Search(definitions()).registry
    for type_ in TYPES:
        for code, parameter in registry[type_].items():
            yield f"{type_}?{code}={value_of(parameter)}"


def value_of(parameter: Parameter) -> str:
    if parameter.parts:
        return "$".join(value_of(part) for part in parameter.parts)
    if parameter.kind == "reference":
        return f"{parameter.field.targets[0]}/23"
    return "23" if parameter.code == "_id" else VALUES[parameter.kind]


def self_of(bundle: dict[str, Any]) -> list[tuple[str, str]]:
    """The parameters that the server says it has used."""
    (url,) = (link["url"] for link in bundle["link"] if link["relation"] == "self")
    return sorted(parse_qsl(urlsplit(url).query, keep_blank_values=True))


async def check_works(fhir: httpx2.AsyncClient, search: str) -> None:
    response = await fhir.get(f"/{search}", headers=STRICT)
    assert 200 == response.status_code, response.text
    bundle = response.json()
    assert sorted(parse_qsl(urlsplit(str(response.url)).query)) == self_of(bundle)
    assert [] == [entry for entry in bundle.get("entry", []) if entry["search"]["mode"] == "outcome"]


@pytest.mark.parametrize(("search", "expected"), list(examples()))
async def test_an_example_of_the_specification_works_or_is_refused_with_the_reason(
    fhir: httpx2.AsyncClient, search: str, expected: str
) -> None:
    if expected == "works":
        await check_works(fhir, search)
        return
    response = await fhir.get(f"/{search}", headers=STRICT)
    assert 400 == response.status_code
    assert expected in response.json()["issue"][0]["diagnostics"]


@pytest.mark.parametrize("search", list(plain_searches()))
async def test_every_parameter_of_the_seven_types_works_in_its_plain_form(
    fhir: httpx2.AsyncClient, search: str
) -> None:
    await check_works(fhir, search)
