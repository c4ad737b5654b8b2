"""Searches that are remembered: only what means the same whenever it is asked."""

from datetime import UTC, datetime, timedelta

import pytest

from conformance.load import definitions
from fhir_server.kernel.call import Params
from fhir_server.kernel.query import Filter
from fhir_server.search import Asked, Context, Request, Search
from fhir_server.search.criteria import Scope
from fhir_server.search.request import LONGEST_KEPT, MOST_CRITERIA_KEPT, MOST_KEPT, Memory

SEARCH = Search(definitions())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def understood(*params: tuple[str, str], now: datetime = NOW) -> Request:
    return SEARCH.request(Asked(("Observation",), params, "Observation", Context(now, base_url="http://t")), key=b"k")


def remembers(params: Params) -> bool:
    memory = Memory()
    request = understood(*params)
    for _ in range(2):
        memory.keep(params, request, params)
    return memory.get(params) is request


def test_what_is_asked_twice_is_remembered_by_its_key() -> None:
    memory, params = Memory(), (("code", "a"),)
    request = understood(*params)
    memory.keep("here", request, params)
    assert memory.get("here") is None
    memory.keep("here", request, params)
    assert memory.get("here") is request
    assert memory.get("elsewhere") is None


def test_what_was_asked_long_ago_counts_as_not_asked() -> None:
    memory, request = Memory(), understood()
    for key in ("here", *range(MOST_KEPT), "here"):
        memory.keep(key, request, ())
    assert memory.get("here") is None


@pytest.mark.parametrize(
    "text", ["date=ap2020", "value-quantity=1,ap5", "_filter=date ap 2020", "component-code-value-quantity=a$ap5"]
)
def test_about_is_never_remembered(text: str) -> None:
    name, _, value = text.partition("=")
    assert not remembers(((name, value),))


@pytest.mark.parametrize("name", ["date", "patient.birthdate"])
def test_about_depends_on_when_it_is_asked(name: str) -> None:
    assert understood((name, "ap2020")).query != understood((name, "ap2020"), now=NOW + timedelta(days=99)).query


@pytest.mark.parametrize("value", ["2020", "ge2020", "lt2020-01-01T00:00:00", "sa2020", "eb2020", "ne2020"])
def test_all_other_prefixes_mean_the_same_at_any_time(value: str) -> None:
    params = (("date", value),)
    assert understood(*params).query == understood(*params, now=NOW + timedelta(days=99)).query
    assert remembers(params)


def test_what_is_looked_for_inside_of_others_is_not_remembered() -> None:
    assert not remembers((("_contained", "true"),))


def test_long_parameters_are_not_remembered() -> None:
    assert remembers((("code", "c" * (LONGEST_KEPT - 4)),))
    assert not remembers((("code", "c" * LONGEST_KEPT),))


def test_the_oldest_make_room() -> None:
    memory, request = Memory(), understood()
    for number in range(MOST_KEPT + 1):
        memory.keep(number, request, ())
        memory.keep(number, request, ())
    assert memory.get(0) is None
    assert memory.get(1) is request
    assert memory.get(MOST_KEPT) is request


def criterion(
    memory: Memory,
    name: str,
    value: str,
    *,
    type_: str = "Observation",
    base_url: str = "http://t",
    now: datetime = NOW,
) -> Filter:
    return memory.criterion(Scope(SEARCH.registry, Context(now, base_url=base_url)), type_, name, value)


def test_what_a_criterion_means_is_remembered_for_its_type_and_base_url() -> None:
    memory = Memory()
    found = criterion(memory, "patient", "1")
    assert criterion(memory, "patient", "1") is found
    assert criterion(memory, "patient", "2") != found
    assert criterion(memory, "patient", "1", base_url="http://other") != found
    assert criterion(memory, "identifier", "1", type_="Patient") is not criterion(memory, "identifier", "1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code:text", "a"),
        ("code:not", "a"),
        ("patient.name", "a"),
        ("_id", "a"),
        ("date", "ap2020"),
        ("code", "c" * 101),
    ],
)
def test_criterion_that_may_mean_something_else_or_is_long_is_not_remembered(name: str, value: str) -> None:
    memory = Memory()
    assert criterion(memory, name, value) is not criterion(memory, name, value)


def test_criterion_about_a_time_follows_the_clock() -> None:
    memory = Memory()
    assert criterion(memory, "date", "ap2020") != criterion(memory, "date", "ap2020", now=NOW + timedelta(days=99))


def test_the_oldest_criteria_make_room() -> None:
    memory = Memory()
    first = criterion(memory, "code", "0")
    for number in range(1, MOST_CRITERIA_KEPT):
        criterion(memory, "code", str(number))
    assert criterion(memory, "code", "0") is first
    criterion(memory, "code", "one more")
    assert criterion(memory, "code", "0") is not first
