"""Links of narratives: found in tags, replaced in place, nothing else touched."""

import pytest

from fhir_server.resources.narrative import rewrite_links

NAMES = {"urn:uuid:1": "Patient/9", "a?b&c": 'x"y'}.get


@pytest.mark.parametrize(
    ("div", "expected"),
    [
        ('<div><a href="urn:uuid:1">x</a></div>', '<div><a href="Patient/9">x</a></div>'),
        (
            "<div><a title='a>b' href = 'urn:uuid:1' >x</a></div>",
            "<div><a title='a>b' href = \"Patient/9\" >x</a></div>",
        ),
        ('<p><img alt="" src="urn:uuid:1"/><img src="#p"/></p>', '<p><img alt="" src="Patient/9"/><img src="#p"/></p>'),
        ('<a href="a?b&amp;c"/>', '<a href="x&quot;y"/>'),
        ('<a href="urn:uuid:2"/>', '<a href="urn:uuid:2"/>'),
        ('<p title="urn:uuid:1">href="urn:uuid:1"</p>', '<p title="urn:uuid:1">href="urn:uuid:1"</p>'),
        ("<a title=\"href='urn:uuid:1'\">x</a>", "<a title=\"href='urn:uuid:1'\">x</a>"),
        ("<p>no link</p>", "<p>no link</p>"),
    ],
)
def test_only_links_are_replaced(div: str, expected: str) -> None:
    assert rewrite_links(div, NAMES) == expected


def test_what_is_no_text_stays() -> None:
    assert rewrite_links(5, NAMES) == 5


def test_long_text_without_end_of_tag_takes_no_square_time() -> None:
    div = "<a " + "href " * 20_000
    assert rewrite_links(div, NAMES) == div
