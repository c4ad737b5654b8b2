"""The pages that are made from tables: they are current, and what they show works."""

import re
from pathlib import Path

import httpx2
import pytest

from fhir_server.search.results import RESULT_PARAMETERS
from manual import parameters, search

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs"

EXAMPLES = [
    span.replace("\\|", "|")
    for span in re.findall(r"`([^`\n]+)`", (DOCS / "search.md").read_text("utf-8"))
    if re.match(r"(?:[A-Z]\w+(?:/\d+/(?:\w+|\*))?)?\?\w|[A-Z]\w+/\d+/(?:\w+|\*)$", span)
]
"""The searches of the page: all code that begins with a type or a question mark."""


@pytest.mark.parametrize(("name", "page"), [("search", search.page), ("parameters", parameters.page)])
def test_page_is_current(name: str, page: object) -> None:
    assert callable(page)
    assert (DOCS / f"{name}.md").read_text("utf-8") == page(), "run ./scripts/docs"


def test_every_result_parameter_is_explained() -> None:
    assert RESULT_PARAMETERS <= search.RESULTS.keys()


@pytest.mark.parametrize("example", EXAMPLES)
async def test_a_search_of_the_page_is_understood_as_a_whole(fhir: httpx2.AsyncClient, example: str) -> None:
    response = await fhir.get(f"/{example}", headers={"Prefer": "handling=strict"})
    assert 200 == response.status_code, response.text
    assert "OperationOutcome" not in {entry["resource"]["resourceType"] for entry in response.json().get("entry", [])}


def test_the_page_has_an_example_of_every_kind() -> None:
    names = {re.sub(r".*\?|[:=].*", "", one) for one in EXAMPLES}
    kinds = {
        "name",
        "code",
        "subject",
        "date",
        "probability",
        "value-quantity",
        "url",
        "near",
        "_text",
        "_filter",
        "_has",
    }
    assert kinds <= names
