"""Folding of text for string search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.kernel.fhir_text import fold, prefix_end


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Smith", "smith"),
        ("  van \t der\nBerg ", "van der berg"),
        ("O'Brien", "obrien"),
        ("Müller-Lüdenscheidt", "mullerludenscheidt"),
        ("Straße", "strasse"),
        ("É", "e"),
        ("ﬁnch", "finch"),
        ("Ελλάς", "ελλασ"),
        ("...", ""),
        ("a+b", "a+b"),
    ],
)
def test_case_accents_punctuation_and_white_space_do_not_count(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(min_size=1), st.text())
def test_prefix_end_lies_behind_all_texts_that_begin_so(prefix: str, rest: str) -> None:
    end = prefix_end(prefix)
    assert end is None or prefix + rest < end


def test_no_text_lies_behind_the_greatest_characters() -> None:
    assert prefix_end("\U0010ffff") is None
    assert prefix_end("a\U0010ffff") == "b"
    assert prefix_end("\ud7ff") == "\ue000"
