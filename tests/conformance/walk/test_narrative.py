"""Narratives, by https://hl7.org/fhir/R4/narrative.html."""

import pytest

from tests.conformance.walk.judge import patient, problems

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def outcome(div: str) -> list[str]:
    found = problems(patient(text={"status": "generated", "div": div}))
    assert {p.expression for p in found} <= {"Patient.text.div"}
    return [p.diagnostics for p in found]


@pytest.mark.parametrize(
    "content",
    [
        "text",
        "<p>a<br/>b</p>",
        '<table class="grid"><tr><td colspan="2">a</td></tr></table>',
        '<img src="#picture" alt="x"/>',
        '<a href="http://x.org" name="n">a</a>',
        '<p style="color: red" id="p" xml:lang="de" lang="de">ä &amp; &#160;</p>',
        "<p>a</p><!-- comment -->",
        "<sub>1</sub><sup>2</sup><tt>x</tt>",
    ],
)
def test_basic_formatting_is_valid(content: str) -> None:
    assert outcome(f"<div {XHTML}>{content}</div>") == []


@pytest.mark.parametrize(
    ("div", "diagnostics"),
    [
        ("text", "the narrative is not well-formed XML"),
        (f"<div {XHTML}>a", "the narrative is not well-formed XML"),
        (f"<div {XHTML}>a &nbsp; b</div>", "the narrative is not well-formed XML"),
        (f"<div {XHTML}>\ud800</div>", "the narrative is not well-formed XML"),
        (f"<div {XHTML}>a</div><div {XHTML}>b</div>", "the narrative is not well-formed XML"),
        ("<div>a</div>", "txt-1: the narrative must be in the XHTML namespace"),
        (f"<p {XHTML}>a</p>", "txt-1: the narrative must be a div"),
        (f"<div {XHTML}><script>a</script></div>", "txt-1: the narrative has an element that is not allowed"),
        (f"<div {XHTML}><DIV>a</DIV></div>", "txt-1: the narrative has an element that is not allowed"),
        (
            f'<div {XHTML}><svg xmlns="http://www.w3.org/2000/svg"/></div>',
            "txt-1: the narrative must be in the XHTML namespace",
        ),
        (f'<div {XHTML} onclick="a()">a</div>', "txt-1: the narrative has an attribute that is not allowed"),
        (f'<div {XHTML}><a href="javascript:a()">a</a></div>', "txt-1: the narrative has a link that is a script"),
        (f'<div {XHTML}><a href=" Java&#9;Script:a()">a</a></div>', "txt-1: the narrative has a link that is a script"),
        (
            f"<!DOCTYPE div [<!ENTITY a 'b'>]><div {XHTML}>&a;</div>",
            "txt-1: the narrative must not have a document type",
        ),
        (f"<div {XHTML}><?php a ?>a</div>", "txt-1: the narrative must not have a processing instruction"),
        (f"<div {XHTML}> \n </div>", "txt-2: the narrative has no content"),
        (f"<div {XHTML}><p/><img alt='a'/></div>", "txt-2: the narrative has no content"),
    ],
)
def test_anything_else_is_refused(div: str, diagnostics: str) -> None:
    assert outcome(div) == [diagnostics]


def test_deep_narrative_is_read_without_recursion() -> None:
    assert outcome(f"<div {XHTML}>{'<div>' * 50_000}a{'</div>' * 50_000}</div>") == []


def test_narrative_must_be_text() -> None:
    assert problems(patient(text={"status": "generated", "div": 1}))[0].diagnostics == (
        "xhtml is a JSON string, found number"
    )
