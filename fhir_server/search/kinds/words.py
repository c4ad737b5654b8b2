"""Words of a narrative or of a whole resource, for `_text` and `_content`.

Stored: the folded words, each once. Searched: words that must all be there; AND, OR, NOT, parentheses; "card*" for
words that begin so.
Spec: https://hl7.org/fhir/R4/search.html#content
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape as without_entities
from typing import Any

from conformance.definitions import SearchParameter
from fhir_server.kernel.errors import TooCostly
from fhir_server.kernel.fhir_text import fold, prefix_end
from fhir_server.kernel.query import Filter
from fhir_server.search.fields import Field
from fhir_server.search.kinds.kind import bad_value, between, one_of

_EXPRESSIONS = {"_text": "DomainResource.text", "_content": "Resource"}
"""The standard gives these two parameters none."""

CODES = frozenset(_EXPRESSIONS)

MOST_WORDS = 2_000
"""Words kept of one resource: beyond, it is a book, not a record."""

LONGEST_WORD = 64

_INLINE = "a|abbr|acronym|b|big|cite|code|dfn|em|i|q|samp|small|span|strong|sub|sup|tt|var"
_WITHIN_WORDS = re.compile(rf"""<!--.*?-->|</?(?:{_INLINE})(?:\s(?:[^<>"']|"[^"]*"|'[^']*')*)?/?>""", re.DOTALL)
_BETWEEN_WORDS = re.compile(r"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_WORD = re.compile(r"\w+")
_ADDRESS = re.compile(r"(?:https?://|urn:)\S*")
_TOKEN = re.compile(r"[()]|[^\s()]+")

_MOST_TERMS = 50
_DEEPEST = 20


def worded(parameters: Mapping[str, SearchParameter], codes: Iterable[str]) -> dict[str, SearchParameter]:
    """Return the text searches among the parameters of a type, with the expressions of what they read."""
    return {
        code: replace(parameters[code], expression=_EXPRESSIONS[code])
        for code in codes
        if code in _EXPRESSIONS and code in parameters
    }


def of_narrative(narrative: Mapping[str, Any]) -> list[str]:
    """Return the words that people read in a narrative, each once."""
    return _unique(_readable(narrative.get("div")))


def of_content(resource: Mapping[str, Any]) -> list[str]:
    """Return the words of all texts and codes of a resource, each once; addresses are no words."""
    return _unique(" ".join(_strings(resource)))


def _readable(div: object) -> str:
    return without_entities(_BETWEEN_WORDS.sub(" ", _WITHIN_WORDS.sub("", div))) if isinstance(div, str) else ""


def _strings(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield _ADDRESS.sub(" ", text)
            case {"div": str(div), "status": _}:
                yield _readable(div)
            case dict() as members:
                waiting += members.values()
            case list() as items:
                waiting += items


def _unique(text: str) -> list[str]:
    found = dict.fromkeys(fold(word)[:LONGEST_WORD] for word in _WORD.findall(text))
    return [word for word in found if word][:MOST_WORDS]


def condition(text: str, where: Field) -> Filter:
    """Return the filter that a text search means.

    Errors: Invalid for parentheses and operators that stand wrongly, TooCostly for too many words
    """
    tokens = _TOKEN.findall(text)
    if len(tokens) > _MOST_TERMS:
        raise TooCostly(f"a text search may have {_MOST_TERMS} words")
    reader = _Reader(tokens, where)
    found = reader.alternatives(_DEEPEST)
    if reader.tokens:
        raise bad_value("a parenthesis is closed that was not opened")
    return found


class _Reader:
    """Reads the words of a text search; `tokens` are those that are left, the last one first."""

    def __init__(self, tokens: Sequence[str], where: Field) -> None:
        self.tokens = list(reversed(tokens))
        self._where = where

    def alternatives(self, depth: int) -> Filter:
        if depth == 0:
            raise TooCostly(f"parentheses may stand {_DEEPEST} deep")
        found = [self._together(depth)]
        while self._next() == "or":
            self.tokens.pop()
            found.append(self._together(depth))
        return found[0] if len(found) == 1 else {"$or": found}

    def _together(self, depth: int) -> Filter:
        found = [self._one(depth)]
        while self._next() not in ("", "or", ")"):
            if self._next() == "and":
                self.tokens.pop()
            found.append(self._one(depth))
        return found[0] if len(found) == 1 else {"$and": found}

    def _one(self, depth: int) -> Filter:
        match self._next():
            case "not":
                self.tokens.pop()
                return {"$nor": [self._one(depth)]}
            case "(":
                self.tokens.pop()
                found = self.alternatives(depth - 1)
                if self._next() != ")":
                    raise bad_value("a parenthesis is not closed")
                self.tokens.pop()
                return found
            case "" | ")" | "and" | "or":
                raise bad_value("a word is missing")
        return self._word(self.tokens.pop())

    def _word(self, text: str) -> Filter:
        words = _unique(text)
        if not words:
            raise bad_value("there is no letter or digit in a word")
        *whole, last = words
        end = between(self._where, last, prefix_end(last)) if text.endswith("*") else one_of(self._where, [last])
        return {"$and": [*(one_of(self._where, [word]) for word in whole), end]} if whole else end

    def _next(self) -> str:
        """Return what comes next: an operator or parenthesis in lower case, "" at the end."""
        return self.tokens[-1].lower() if self.tokens else ""
