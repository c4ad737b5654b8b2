"""Search parameters and conditional criteria as they stand in URLs and headers.

Spec: https://hl7.org/fhir/R4/search.html#escaping, https://www.rfc-editor.org/rfc/rfc3986#section-2.1
"""

import re
from collections.abc import Sequence
from urllib.parse import quote_plus, unquote

from fhir_server.kernel.call import Params
from fhir_server.kernel.errors import Invalid, Issue

_PLAIN = re.compile(r"[A-Za-z0-9_.~:|,/$-]*", re.ASCII).fullmatch
"""Finds texts that stand in an address as they are: most of them."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse(text: str, limit: int = 10_000) -> Params:
    """Return the (name, value) pairs of a query string, in order, percent-decoded, empty values kept.

    Errors: Invalid for a broken percent-escape, bytes that are not UTF-8, or more than `limit` pairs
    """
    if not text:
        return ()
    if _BAD_ESCAPE.search(text):
        raise Invalid(Issue("value", "the query has a '%' that is not followed by two hexadecimal digits"))
    parts = [part for part in text.split("&") if part]
    if len(parts) > limit:
        raise Invalid(Issue("too-costly", f"the query has more than {limit} parameters"))
    pairs = tuple([(name, value) for name, _, value in [part.partition("=") for part in parts]])
    if "%" not in text and "+" not in text:
        return pairs
    try:
        return tuple([(_decoded(name), _decoded(value)) for name, value in pairs])
    except UnicodeDecodeError:
        raise Invalid(Issue("value", "the query is not percent-encoded UTF-8")) from None


def last(params: Params, name: str) -> str | None:
    """Return the value of a parameter, of several the last one."""
    return dict(params).get(name) if params else None


def text(params: Sequence[tuple[str, str]]) -> str:
    """Return the query string that `parse` reads as these pairs."""
    if _PLAIN("".join([part for pair in params for part in pair])):
        return "&".join([f"{name}={value}" for name, value in params])
    return "&".join([f"{_encoded(name)}={_encoded(value)}" for name, value in params])


def _encoded(text: str) -> str:
    return text if _PLAIN(text) else quote_plus(text, safe=":|,/$")


def _decoded(text: str) -> str:
    return unquote(text.replace("+", " "), errors="strict")
