"""Lists, parts, escapes and prefixes of search values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.syntax import escape, split, split_prefix, unescape


@pytest.mark.parametrize(
    ("text", "separator", "parts"),
    [
        ("a,b", ",", ["a", "b"]),
        (r"a\,b,c", ",", [r"a\,b", "c"]),
        (r"a\\,b", ",", [r"a\\", "b"]),
        (r"s|c\|d", "|", ["s", r"c\|d"]),
        ("", ",", [""]),
        (r"\ ".strip(), ",", ["\\"]),
    ],
)
def test_escaped_separators_do_not_separate(text: str, separator: str, parts: list[str]) -> None:
    assert split(text, separator) == parts


@given(st.lists(st.text("ab,|$\\"), min_size=1))
def test_escaped_parts_come_back(parts: list[str]) -> None:
    joined = ",".join(escape(part) for part in parts)
    assert [unescape(part) for part in split(joined, ",")] == parts


def test_value_without_prefix_means_equal() -> None:
    assert split_prefix("2024") == ("eq", "2024")
    assert split_prefix("ge2024") == ("ge", "2024")
    assert split_prefix("xx2024") == ("eq", "xx2024")
