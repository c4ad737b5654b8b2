"""fhir_server.kernel.query_string: what stands in URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.kernel.errors import Invalid
from fhir_server.kernel.query_string import last, parse, text


def test_pairs_keep_order_repetition_and_empty_values() -> None:
    assert (("a", "1"), ("b", ""), ("a", "2 3")) == parse("a=1&b=&a=2+3")


def test_an_empty_query_has_no_pairs() -> None:
    assert () == parse("")


def test_percent_escapes_are_utf8() -> None:
    assert (("name", "Müller|x"),) == parse("name=M%C3%BCller%7Cx")


@pytest.mark.parametrize("text", ["name=%zz", "name=%C3", "name=100%", "a=%E4"])
def test_broken_escapes_are_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        parse(text)


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(Invalid, match="more than 3 parameters"):
        parse("a=1&a=1&a=1&a=1", limit=3)


def test_text_keeps_what_may_stand_in_a_query_as_it_is() -> None:
    assert text((("code", "http://loinc.org|1-8,2$x"), ("name", "a b&ü"))) == (
        "code=http://loinc.org|1-8,2$x&name=a+b%26%C3%BC"
    )


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(_TEXTS.filter(bool), _TEXTS)))
def test_text_is_read_as_the_same_pairs(pairs: list[tuple[str, str]]) -> None:
    assert parse(text(pairs)) == tuple(pairs)


@pytest.mark.parametrize(("query", "value"), [("", None), ("a=1", None), ("b=1&a=2&b=3", "3")])
def test_of_a_parameter_that_stands_several_times_the_last_one_is_found(query: str, value: str | None) -> None:
    assert value == last(parse(query), "b")
