"""Codes of value sets that lie in each other."""

from typing import Any

import pytest

from fhir_server.kernel.errors import NotSupported, TooCostly
from fhir_server.kernel.types import Resource
from fhir_server.search.expansion import MOST_CODES, Canonical, Expansion


def test_value_set_that_stands_in_many_others_is_followed_once() -> None:
    def including(*urls: str) -> dict[str, Any]:
        return {"status": "active", "compose": {"include": [{"valueSet": [url]} for url in urls]}}

    listed = {"status": "active", "compose": {"include": [{"system": "urn:s", "concept": [{"code": "c"}]}]}}
    read = {
        Canonical("ValueSet", f"http://l/{level}"): including(*[f"http://l/{level + 1}"] * 9) for level in range(15)
    }
    read[Canonical("ValueSet", "http://l/15")] = listed
    assert Expansion(read).members("http://l/0") == [("urn:s", "c")]


def test_expansion_of_more_codes_than_may_be_is_refused() -> None:
    codes = [{"system": "urn:s", "code": str(number)} for number in range(MOST_CODES + 1)]
    read = {Canonical("ValueSet", "http://v"): {"status": "active", "expansion": {"contains": codes}}}
    with pytest.raises(TooCostly):
        Expansion(read).members("http://v")


@pytest.mark.parametrize("content", ["not-present", "supplement"])
def test_code_system_whose_codes_stand_elsewhere_is_not_known(content: str) -> None:
    read: dict[Canonical, Resource | None] = {
        Canonical("ValueSet", "http://v"): {"status": "active", "compose": {"include": [{"system": "urn:s"}]}},
        Canonical("CodeSystem", "urn:s"): {"status": "active", "content": content, "concept": [{"code": "c"}]},
    }
    with pytest.raises(NotSupported, match="urn:s"):
        Expansion(read).members("http://v")
    assert Expansion(read).below("urn:s", "c") is None


def test_value_set_that_tells_no_codes_is_not_known() -> None:
    url = Canonical("ValueSet", "http://v")
    assert Expansion({url: {"status": "active"}}).members("http://v") is None
    assert Expansion({url: {"status": "active", "expansion": {"total": 0}}}).members("http://v") == []
