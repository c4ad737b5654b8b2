"""The XHTML of a narrative: well-formed, and nothing but the formatting that FHIR allows.

Spec: https://hl7.org/fhir/R4/narrative.html#xhtml (invariants txt-1 and txt-2)
"""

import re
from xml.parsers import expat

from conformance.walk.problems import Problem, error, invariant


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


XHTML = "http://www.w3.org/1999/xhtml"
_ELEMENTS = _words(
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img "
    "li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var"
)
_ATTRIBUTES = _words(
    "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset "
    "cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel "
    "rev rowspan rules scope shape span src start style summary tabindex title type valign value vspace width"
) | {"http://www.w3.org/XML/1998/namespace lang"}
_LINKS = frozenset({"href", "src", "cite", "longdesc"})
_SCRIPT = re.compile(r"(?i:javascript|vbscript):")
# A browser skips white space and control characters inside a scheme: "java\tscript:" runs.
_SKIPPED = re.compile(r"[\x00-\x20]+")


class _Refused(Exception):
    """The narrative breaks a rule; the text says which."""


def is_narrative(value: object) -> bool:
    """Return whether a value is the div of a valid narrative."""
    return type(value) is str and _refusal(value) is None


def flaw(value: str) -> Problem:
    """Return what is wrong with a narrative that `is_narrative` refuses."""
    return _refusal(value) or error("value", "not a valid narrative")


def _refusal(text: str) -> Problem | None:
    reader = _Reader()
    try:
        reader.parser.Parse(text.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError):
        return error("value", "the narrative is not well-formed XML")
    except _Refused as refused:
        return invariant("txt-1", str(refused))
    return None if reader.has_content else invariant("txt-2", "the narrative has no content")


class _Reader:
    """An XML parser that stops at the first thing a narrative must not hold, and notes whether it says anything."""

    def __init__(self) -> None:
        self.has_content = False
        self._is_inside = False
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.StartElementHandler = self._element
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.ProcessingInstructionHandler = self._instruction

    def _element(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        if namespace != XHTML:
            raise _Refused("the narrative must be in the XHTML namespace")
        if not self._is_inside and tag != "div":
            raise _Refused("the narrative must be a div")
        self._is_inside = True
        if tag not in _ELEMENTS:
            raise _Refused("the narrative has an element that is not allowed")
        if attributes:
            _check_attributes(attributes)
            self.has_content = self.has_content or (tag == "img" and "src" in attributes)

    def _characters(self, text: str) -> None:
        if not text.isspace():
            self.has_content = True

    def _doctype(self, *_: object) -> None:
        raise _Refused("the narrative must not have a document type")

    def _instruction(self, *_: object) -> None:
        raise _Refused("the narrative must not have a processing instruction")


def _check_attributes(attributes: dict[str, str]) -> None:
    if not attributes.keys() <= _ATTRIBUTES:
        raise _Refused("the narrative has an attribute that is not allowed")
    for link in _LINKS & attributes.keys():
        if _SCRIPT.match(_SKIPPED.sub("", attributes[link])):
            raise _Refused("the narrative has a link that is a script")
