"""Page links: signed, and bound to a search and a principal."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.kernel.errors import Invalid
from fhir_server.kernel.query import Position
from fhir_server.search.page import Binding, from_text, to_text

KEY = b"k"
HERE = Binding("me", "Patient", (("name", "x"), ("_sort", "birthdate")))
PLACE = Position((datetime(2020, 1, 2, 3, 4, 5, 6_000, UTC), None, "é", float("inf"), 5.4), "Patient", "p1", True, 7)


def test_place_comes_back_with_all_kinds_of_values() -> None:
    assert from_text(to_text(PLACE, HERE, KEY), HERE, KEY) == PLACE


@pytest.mark.parametrize(
    "other",
    [
        Binding("you", "Patient", HERE.params),
        Binding("me", "Observation", HERE.params),
        Binding("me", "Patient", (("name", "y"), ("_sort", "birthdate"))),
        Binding("me", "Patient", HERE.params[:1]),
    ],
)
def test_link_is_worth_nothing_elsewhere(other: Binding) -> None:
    with pytest.raises(Invalid):
        from_text(to_text(PLACE, HERE, KEY), other, KEY)


def test_page_size_may_change_on_the_way() -> None:
    resized = Binding("me", "Patient", (*HERE.params, ("_count", "7")))
    assert from_text(to_text(PLACE, HERE, KEY), resized, KEY) == PLACE


def test_link_signed_with_another_key_is_refused() -> None:
    with pytest.raises(Invalid):
        from_text(to_text(PLACE, HERE, b"other"), HERE, KEY)


@given(st.integers(0, 80), st.integers(1, 255))
def test_changed_link_is_refused(place: int, change: int) -> None:
    raw = bytearray(urlsafe_b64decode(to_text(PLACE, HERE, KEY) + "=="))
    raw[place % len(raw)] ^= change
    with pytest.raises(Invalid):
        from_text(urlsafe_b64encode(bytes(raw)).decode(), HERE, KEY)


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        from_text(text, HERE, KEY)
