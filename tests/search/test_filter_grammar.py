"""The text of a _filter: what it says, and that no text whatever breaks its reader."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.kernel.errors import Invalid, TooCostly
from fhir_server.search.criteria.grammar import Comparison, Logical, Not, Step, parse

A, B, C = (Comparison(name, "eq", "1") for name in "abc")


def test_and_and_or_are_read_from_left_to_right() -> None:
    assert parse("a eq 1 or b eq 1 and c eq 1") == Logical("and", Logical("or", A, B), C)


def test_parentheses_hold_together() -> None:
    assert parse("a eq 1 or (b eq 1 and c eq 1)") == Logical("or", A, Logical("and", B, C))


def test_not_negates_what_stands_in_parentheses() -> None:
    assert parse("not (a eq 1) and b eq 1") == Logical("and", Not(A), B)


def test_path_has_steps_and_restrictions() -> None:
    assert parse("a[b eq 1].x.c eq 1") == Step("a", B, Step("x", None, C))


def test_text_in_quotes_is_read_as_json() -> None:
    assert parse(r'a eq "x \"y\" ) é"') == Comparison("a", "eq", 'x "y" ) é')


def test_error_tells_where_it_is() -> None:
    with pytest.raises(Invalid, match="at character 6 "):
        parse("a eq ")


@pytest.mark.parametrize(
    "text", ["(" * 10_000, "not(" * 2_000, "a." * 3_000 + "a eq 1", "a[" * 3_000, " and ".join(["a eq 1"] * 201)]
)
def test_texts_that_are_too_deep_or_too_long_are_refused(text: str) -> None:
    with pytest.raises(TooCostly):
        parse(text)


@given(st.text(st.sampled_from('abn() []".\\:eqotr1 \n'), max_size=60) | st.text(max_size=30))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(Invalid):
        parse(text)
