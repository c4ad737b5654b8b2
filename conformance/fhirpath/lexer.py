"""FHIRPath text cut into tokens.

Spec: https://hl7.org/fhirpath/N1/#lexical-elements
"""

import re
from dataclasses import dataclass
from typing import Literal

TokenKind = Literal["name", "quoted", "string", "number", "date", "datetime", "time", "special", "symbol", "end"]


class FhirPathError(ValueError):
    """The text is no FHIRPath expression; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} at position {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `text` is unescaped for strings and quoted names, and bare of `@` and `$`."""

    kind: TokenKind
    text: str
    position: int


_TIME = r"\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?"
_DATE = r"\d{4}(?:-\d\d(?:-\d\d)?)?"
_SKIPPED = re.compile(r"(?:\s+|/\*.*?\*/|//[^\r\n]*)*", re.DOTALL)
_TOKEN = re.compile(
    rf"""
      (?P<name>     [A-Za-z_][A-Za-z0-9_]* )
    | ' (?P<string> (?:[^'\\]|\\.)* ) '
    | ` (?P<quoted> (?:[^`\\]|\\.)* ) `
    | @ (?P<datetime> {_DATE}T(?:{_TIME}(?:Z|[+-]\d\d:\d\d)?)? )
    | @T(?P<time>   {_TIME} )
    | @ (?P<date>   {_DATE} )
    | (?P<number>   \d+(?:\.\d+)? )
    | \$(?P<special> this|index|total )\b
    | (?P<symbol>   <=|>=|!=|!~|[-+*/&|<>=~.,()\[\]{{}}%] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", **{c: c for c in "`'\\/\""}}


def tokens(text: str) -> list[Token]:
    """Return the tokens of an expression, closed by one of kind "end".

    Errors: FhirPathError for a character that starts no token, an unclosed string or an unknown escape
    """
    found: list[Token] = []
    position = _after_space(text, 0)
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise FhirPathError("an unclosed string or a character that starts no token", position)
        found.append(_token(match))
        position = _after_space(text, match.end())
    return [*found, Token("end", "", len(text))]


def _after_space(text: str, position: int) -> int:
    match = _SKIPPED.match(text, position)
    return match.end() if match else position


def _token(match: re.Match[str]) -> Token:
    kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups are named after the kinds
    text = match[kind]
    if kind in ("string", "quoted"):
        text = _ESCAPE.sub(lambda escape: _unescape(escape, match.start()), text)
    return Token(kind, text, match.start())


def _unescape(escape: re.Match[str], position: int) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    try:
        return _ESCAPED[escape[2]]
    except KeyError:
        raise FhirPathError(f"an unknown escape \\{escape[2]} in the text", position) from None
