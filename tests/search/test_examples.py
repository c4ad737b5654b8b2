"""Searches of the kinds that the R4 pages of seven types give as examples: all are understood, every one by an index.

Spec: https://hl7.org/fhir/R4/search.html, and the sections "Search Parameters" of the pages of these types.
"""

from pathlib import Path

import pytest

from fhir_server.kernel.errors import NotSupported
from tests.search.world import World

EXAMPLES = (Path(__file__).parent / "examples.txt").read_text("utf-8").splitlines()

REFUSED = {
    "Patient?_query=current-high-risk&ward=Location/A1": "_query",
    "Patient?_list=$current-problems": "_list",
    "Patient?_content=metastases": "_content",
    "Observation?code:in=http://acme.test/unknown": "code:in",
    "Observation?value-string:not=x": "value-string:not",
    "Encounter?subject.birthdate:exact=2000": "subject.birthdate:exact",
}


@pytest.mark.parametrize("url", EXAMPLES)
async def test_example_is_understood_as_a_whole_and_runs(world: World, url: str) -> None:
    asked = world.request(url, strict=False)
    assert not asked.issues
    assert await world.ids(url) == []


@pytest.mark.parametrize("url", REFUSED)
def test_example_that_is_not_possible_is_refused_with_its_name(shared_world: World, url: str) -> None:
    with pytest.raises(Exception, match=REFUSED[url].replace("$", r"\$")) as error:
        shared_world.request(url)
    assert getattr(error.value, "status", None) == 400 or isinstance(error.value, NotSupported)
