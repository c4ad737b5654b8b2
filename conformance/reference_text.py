"""The text of Reference.reference taken apart: [base/]Type/id[/_history/version].

Spec: https://hl7.org/fhir/R4/references.html#literal
"""

import re
from dataclasses import dataclass

_LITERAL = re.compile(
    r"(?:(?P<base>https?://[^\s?#]+)/)?(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9.-]{1,64}))?(?P<fragment>\#.*)?",
    re.DOTALL,
)
_literal = _LITERAL.fullmatch


@dataclass(frozen=True, slots=True)
class ReferenceText:
    """The parts of a literal reference; `base` is None for a relative one, and comes without its last slash."""

    type: str
    id: str
    base: str | None = None
    version: str | None = None


def split_reference(text: str) -> ReferenceText | None:
    """Return the parts of a relative or absolute RESTful reference; None for any other (urn, #contained, search)."""
    match = _literal(text)
    return match and ReferenceText(match["type"], match["id"], match["base"], match["version"])


def reference_type(text: str) -> str | None:
    """Return the resource type that a literal reference names, None where its text does not tell."""
    match = None if text.startswith(("urn:", "#")) else _literal(text)
    return match and match["type"]
