"""The inner syntax of a search value: lists, parts, escapes and prefixes.

Spec: https://hl7.org/fhir/R4/search.html#escaping, https://hl7.org/fhir/R4/search.html#prefix
"""

import re
from typing import Literal, TypeAlias, get_args

Prefix: TypeAlias = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]

PREFIXES: frozenset[str] = frozenset(get_args(Prefix))

_ESCAPE = re.compile(r"\\([,|$\\])")


def split(text: str, separator: str) -> list[str]:
    """Return the parts between separators that are not escaped; the parts keep their escapes."""
    if "\\" not in text:
        return text.split(separator)
    parts, start = [], 0
    for position, character in _plain_characters(text):
        if character == separator:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def unescape(text: str) -> str:
    r"""Return the text that is meant: "a\,b" -> "a,b"; a backslash before anything else stands for itself."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    """Return the text as it is written in a search value: the inverse of `unescape`."""
    return re.sub(r"([,|$\\])", r"\\\1", text)


def split_prefix(text: str) -> tuple[Prefix, str]:
    """Return the prefix of a number, date or quantity ("eq" where there is none), and the rest."""
    head = text[:2]
    if head in PREFIXES:
        return head, text[2:]  # type: ignore[return-value]  # mypy does not narrow by a frozenset
    return "eq", text


def _plain_characters(text: str) -> list[tuple[int, str]]:
    """Return the characters that no backslash escapes, with their positions."""
    plain, position = [], 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        plain.append((position, text[position]))
        position += 1
    return plain
