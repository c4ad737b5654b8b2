"""_text and _content: words of narratives and of whole resources."""

from dataclasses import replace
from typing import Any

import pytest

from conformance.load import definitions
from fhir_server.kernel.errors import Invalid, TooCostly
from fhir_server.resources.indexing import Indexer
from fhir_server.search import Search
from fhir_server.search.kinds.words import of_content, of_narrative
from tests.make import patient
from tests.search.world import World, empty

STANDARD = definitions()
SEARCH = Search(STANDARD, content=True)


def told(id_: str, inner: str, **elements: Any) -> dict[str, Any]:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>'
    return patient(id=id_, text={"status": "generated", "div": div}, **elements)


@pytest.fixture
async def worded_world(shared_world: World) -> World:
    await empty(shared_world)
    world = replace(shared_world, search=SEARCH, indexer=Indexer(STANDARD, SEARCH.registry))
    await world.store(
        [
            told("bone", "<p title='a>z'>Bone <b class=\"x>y\">cancer</b>, metastases &amp; pain</p>"),
            told("liver", "Li<i>ver</i> metastases", address=[{"city": "Heartford"}]),
            told("heart", "O'Brien&#8217;s h&#xe4;rt-attack <!-- hidden > words -->"),
            patient(id="silent", name=[{"family": "Cancer"}], link=[{"other": {"reference": "Patient/x"}}]),
        ]
    )
    return world


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("_text=cancer", "bone"),
        ("_text=METASTASES", "bone liver"),
        ("_text=metas", ""),
        ("_text=metas*", "bone liver"),
        ("_text=bone metastases", "bone"),
        ("_text=bone AND metastases", "bone"),
        ("_text=(bone OR heart) and metastases", "bone"),
        ("_text=bone OR liver", "bone liver"),
        ("_text=bone,liver", "bone liver"),
        ("_text=metastases NOT bone", "liver"),
        ("_text=metastases AND NOT (bone OR pain)", "liver"),
        ("_text=hart-attack", "heart"),
        ("_text=hidden", ""),
        ("_text=div", ""),
        ("_text=p", ""),
        ("_text=z OR y", ""),
        ("_text:missing=true", "silent"),
        ("_content=cancer", "bone silent"),
        ("_content=heartford", "liver"),
        ("_content=metastases heartford", "liver"),
        ("_content=silent", "silent"),
        ("_content=www", ""),
    ],
)
async def test_text_search_finds_words(worded_world: World, search: str, expected: str) -> None:
    assert sorted(await worded_world.ids(f"Patient?{search}")) == sorted(expected.split())


@pytest.mark.parametrize("text", ["(bone", "bone)", "AND bone", "bone OR", "NOT", "()", "-", "a (-) b"])
async def test_text_search_that_cannot_be_read_is_refused(worded_world: World, text: str) -> None:
    with pytest.raises(Invalid) as error:
        worded_world.request(f"Patient?_text={text}")
    assert "_text" in error.value.issues[0].diagnostics


@pytest.mark.parametrize("text", ["a " * 51, "(" * 30 + "a" + ")" * 15])
def test_text_search_of_too_many_words_is_refused(shared_world: World, text: str) -> None:
    with pytest.raises((TooCostly, Invalid)):
        replace(shared_world, search=SEARCH).request(f"Patient?_text={text}")


def test_modifiers_of_strings_are_none_of_text_searches(shared_world: World) -> None:
    for modifier in ("exact", "contains"):
        with pytest.raises(Invalid, match="_text"):
            replace(shared_world, search=SEARCH).request(f"Patient?_text:{modifier}=a")


def test_words_are_folded_and_kept_once() -> None:
    assert of_narrative({"div": "<div>Ünlü ünlü <br/>A&lt;B</div>"}) == ["unlu", "a", "b"]


def test_addresses_are_no_words_of_a_content() -> None:
    assert of_content({"a": "see http://x.test/y for it", "b": ["urn:oid:1.2"]}) == ["see", "for", "it"]


def test_a_long_text_does_not_grow_the_index_without_end() -> None:
    words = of_narrative({"div": " ".join(f"w{n}" for n in range(5_000)) + " " + "x" * 1_000})
    assert len(words) == 2_000
    assert len(of_narrative({"div": "x" * 1_000})[0]) == 64


async def test_only_folded_words_are_stored(shared_world: World) -> None:
    index = Indexer(STANDARD, SEARCH.registry).index(told("a", "Words")).index
    assert index["rare"]["_text"] == ["words"]
    assert not any(name.startswith(("_text", "_content")) for name in index.get("other", ()))
