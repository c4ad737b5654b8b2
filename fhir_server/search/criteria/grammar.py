"""The grammar of _filter: its text → a tree of comparisons.

    filter     = operand (("and" / "or") operand)*         from left to right, neither binds closer
    operand    = "not" "(" filter ")" / "(" filter ")" / path operator value
    path       = name ["[" filter "]"] ["." path]
    value      = JSON string / characters without blank, ")" and "]"

Spec: https://hl7.org/fhir/R4/search_filter.html
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import msgspec

from fhir_server.kernel.errors import TooCostly
from fhir_server.search.kinds.kind import bad_value

Operator: TypeAlias = Literal[
    "eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re"
]
OPERATORS: frozenset[str] = frozenset(get_args(Operator))

DEEPEST = 20
MOST_COMPARISONS = 200

_BLANK = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_:-]*", re.ASCII)
_WORD = re.compile(r"[a-z]+", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN = re.compile(r"[^\s)\]]+")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A parameter compared with a value, as "birthdate ge 2000"."""

    name: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a chain: what the reference `name` leads to satisfies `restriction` and the `rest` of the path."""

    name: str
    restriction: "Expression | None"
    rest: "Expression"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Logical:
    """Two expressions together."""

    operator: Literal["and", "or"]
    left: "Expression"
    right: "Expression"


Expression: TypeAlias = Comparison | Step | Not | Logical


def parse(text: str) -> Expression:
    """Return what the text of a _filter says.

    Errors: Invalid that tells the position of what cannot be read, TooCostly for too many or too deep expressions
    """
    reader = _Reader(text)
    found = reader.filter(DEEPEST)
    if reader.position < len(text):
        raise reader.bad("and, or, or the end")
    return found


class _Reader:
    """Reads a text from left to right; `position` is behind the last thing read and the blanks after it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._comparisons = 0
        self.position = 0
        self._take(_BLANK)

    def filter(self, depth: int) -> Expression:
        if depth == 0:
            raise TooCostly(f"expressions may stand {DEEPEST} deep in each other")
        found = self._operand(depth)
        while (operator := self._next_word()) in ("and", "or"):
            self._take(_WORD)
            found = Logical("and" if operator == "and" else "or", found, self._operand(depth))
        return found

    def bad(self, wanted: str) -> Exception:
        return bad_value(f"at character {self.position + 1} of the filter there should be {wanted}")

    def _operand(self, depth: int) -> Expression:
        if self._next_word() == "not" and self._text[self.position + 3 :].lstrip()[:1] == "(":
            self._take(_WORD)
            return Not(self._in("(", ")", depth))
        if self._at("("):
            return self._in("(", ")", depth)
        return self._path(depth)

    def _path(self, depth: int) -> Expression:
        if depth == 0:
            raise TooCostly(f"expressions may stand {DEEPEST} deep in each other")
        name = self._name()
        restriction = self._in("[", "]", depth) if self._at("[") else None
        if self._at("."):
            self._skip(".")
            return Step(name, restriction, self._path(depth - 1))
        if restriction is not None:
            raise self.bad("a dot and what the restricted reference leads to")
        return self._comparison(name)

    def _comparison(self, name: str) -> Comparison:
        self._comparisons += 1
        if self._comparisons > MOST_COMPARISONS:
            raise TooCostly(f"a filter may have {MOST_COMPARISONS} comparisons")
        operator = self._next_word()
        if operator not in OPERATORS:
            raise self.bad(f"one of {', '.join(get_args(Operator))}")
        self._take(_WORD)
        value = self._string() if self._at('"') else self._take(_TOKEN)
        if not value:
            raise self.bad("a value")
        return Comparison(name, operator, value)  # type: ignore[arg-type]  # a frozenset narrows nothing

    def _name(self) -> str:
        start = self.position
        name = _NAME.match(self._text, start)
        if name is None:
            raise self.bad("the name of a search parameter")
        self.position = name.end()
        if self._text[self.position : self.position + 1] not in (".", "["):
            self._take(_BLANK)
        return name[0]

    def _string(self) -> str:
        literal = _STRING.match(self._text, self.position)
        try:
            value = msgspec.json.decode(literal[0].encode(), type=str) if literal else ""
        except (msgspec.DecodeError, UnicodeError):
            literal = None
        if literal is None:
            raise self.bad("a text in double quotes, written as in JSON")
        self.position = literal.end()
        self._take(_BLANK)
        return value

    def _in(self, opening: str, closing: str, depth: int) -> Expression:
        self._skip(opening)
        found = self.filter(depth - 1)
        self._skip(closing)
        return found

    def _at(self, character: str) -> bool:
        return self._text.startswith(character, self.position)

    def _skip(self, character: str) -> None:
        if not self._at(character):
            raise self.bad(f"'{character}'")
        self.position += 1
        self._take(_BLANK)

    def _next_word(self) -> str:
        word = _WORD.match(self._text, self.position)
        return word[0] if word else ""

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Return what stands here and matches, and go behind it and the blanks after it."""
        found = pattern.match(self._text, self.position)
        if found is None:
            return ""
        self.position = found.end()
        if pattern is not _BLANK:
            self._take(_BLANK)
        return found[0]
