"""The example searches of R4's pages against the running server: what each finds, or why it is refused.

One file in `specification` for each page: the resources that are stored for it, and its searches by section.
Spec: https://hl7.org/fhir/R4/search.html, and the pages of seven types, each named in its file.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
import yaml

from conformance.load import definitions
from fhir_server.kernel.settings import Settings
from fhir_server.search import Search
from fhir_server.wiring import build_app

pytestmark = pytest.mark.anyio

PAGES = {path.stem: path for path in sorted((Path(__file__).parent / "specification").glob("*.yaml"))}
TYPES = ("Patient", "Observation", "Encounter", "MedicationRequest", "Appointment", "Claim", "Invoice")
UCUM = "http://unitsofmeasure.org"
STRICT = {"Prefer": "handling=strict"}


def read(page: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(PAGES[page].read_text("utf-8"))
    return content


def examples() -> Iterator[Any]:
    for page in PAGES:
        for section, searches in read(page)["sections"].items():
            for search, expected in searches.items():
                yield pytest.param(page, search, expected, id=f"{page}:{section.partition(' ')[0]}:{search}")


Opened: TypeAlias = Callable[[str], Awaitable[httpx2.AsyncClient]]


@pytest.fixture(scope="module")
async def opened(mongo_uri: str, database_name: str) -> AsyncIterator[Opened]:
    """Gives a client of the application on a database that holds one page's resources and nothing else."""
    clients: dict[str, httpx2.AsyncClient] = {}
    async with AsyncExitStack() as stack:

        async def client_of(page: str) -> httpx2.AsyncClient:
            if page not in clients:
                settings = Settings(mongo=mongo_uri, database=f"{database_name}_{page}", log_level="error")
                clients[page] = await stack.enter_async_context(stored(page, settings))
            return clients[page]

        yield client_of


@asynccontextmanager
async def stored(page: str, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    app = build_app(settings)
    async with app.framework.router.lifespan_context(app.framework):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test/fhir", timeout=60) as client:
            content = read(page)
            for reference, elements in content["resources"].items():
                type_, _, id_ = reference.partition("/")
                base = content.get("with", {}).get(type_, {})
                whole = {"resourceType": type_, "id": id_, **base, **elements}
                response = await client.put(f"/{reference}", json=whole)
                assert 201 == response.status_code, f"{reference}: {response.text}"
            yield client


def self_of(bundle: dict[str, Any]) -> list[tuple[str, str]]:
    """The parameters that the server says it has used."""
    (url,) = (link["url"] for link in bundle["link"] if link["relation"] == "self")
    return sorted(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def found(search: str, bundle: dict[str, Any]) -> str:
    """What a page of results holds: ids of the hits, then "+Type/id" of what is included, each part in order.

    Hits of a search for one type stand without it; they are sorted unless the search itself sorts. Where it asks for a
    total or for elements, "= total" and "[elements]" follow.
    """
    path, _, query = search.partition("?")
    type_ = path.rpartition("/")[2]
    names: dict[str, list[str]] = {"match": [], "include": [], "outcome": []}
    for entry in bundle.get("entry", ()):
        name = f"{entry['resource']['resourceType']}/{entry['resource'].get('id', '')}"
        names[entry["search"]["mode"]].append(name.removeprefix(f"{type_}/"))
    hits = names["match"] if "_sort=" in query else sorted(names["match"])
    told = [*hits, *(f"+{name}" for name in sorted(names["include"])), *names["outcome"]]
    if any(name in query for name in ("_total=", "_count=0", "_summary=count")):
        told.append(f"= {bundle.get('total')}")
    if any(name in query for name in ("_summary=", "_elements=")):
        elements = {element for entry in bundle.get("entry", ()) for element in entry["resource"]} - {"resourceType"}
        told.append(f"[{' '.join(sorted(elements))}]")
    return " ".join(told)


@pytest.mark.parametrize(("page", "search", "expected"), list(examples()))
async def test_an_example_of_the_specification_finds_what_the_table_says_or_is_refused_with_the_reason(
    opened: Opened, page: str, search: str, expected: str
) -> None:
    client = await opened(page)
    response = await client.get(f"/{search}", headers=STRICT)
    if expected.startswith("refused: "):
        assert 400 == response.status_code
        assert expected.removeprefix("refused: ") in response.json()["issue"][0]["diagnostics"]
        return
    assert 200 == response.status_code, response.text
    assert sorted(parse_qsl(urlsplit(str(response.url)).query)) == self_of(response.json())
    first, more, _ = expected.partition(" …")  # what follows has no order
    assert first == found(search, response.json())[: len(first) if more else None]


@pytest.mark.parametrize("type_", TYPES)
def test_every_search_parameter_of_a_type_has_its_example(type_: str) -> None:
    searches = [urlsplit(search) for sections in read(type_.lower())["sections"].values() for search in sections]
    named = {
        name.partition(":")[0] for search in searches if search.path == type_ for name, _ in parse_qsl(search.query)
    }
    assert {code for code in Search(definitions()).registry[type_] if not code.startswith("_")} - named == set()


async def test_the_example_of_stats_counts_the_last_hour(opened: Opened) -> None:
    client = await opened("observation")
    for minutes, value in ((90, 200), (50, 110), (10, 130)):
        pressure = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "55284-4"}]},
            "subject": {"reference": "Patient/123"},
            "effectiveDateTime": (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(),
            "valueQuantity": {"value": value, "unit": "mm[Hg]", "system": UCUM, "code": "mm[Hg]"},
        }
        assert 201 == (await client.post("/Observation", json=pressure)).status_code
    asked = "subject=Patient/123&code=55284-4&system=http://loinc.org&duration=1"
    wanted = "&statistic=average&statistic=min&statistic=max&statistic=count"
    response = await client.get(f"/Observation/$stats?{asked}{wanted}")
    assert 200 == response.status_code, response.text
    [statistics] = [one["resource"] for one in response.json()["parameter"] if one["name"] == "statistics"]
    told = {one["code"]["coding"][0]["code"]: one["valueQuantity"]["value"] for one in statistics["component"]}
    assert {"average": 120, "minimum": 110, "maximum": 130, "count": 2} == told


@pytest.mark.parametrize("operation", ["Patient/$match", "Claim/$submit"])
async def test_an_operation_of_these_pages_that_is_no_search_is_refused_by_name(
    fhir: httpx2.AsyncClient, operation: str
) -> None:
    response = await fhir.post(f"/{operation}", json={"resourceType": "Parameters"})
    assert response.status_code in (400, 404)
    assert operation.partition("/")[2] in response.json()["issue"][0]["diagnostics"]
