"""Text as string search sees it: without case, accents, punctuation and extra white space.

Spec: https://hl7.org/fhir/R4/search.html#string
"""

from collections.abc import Mapping
from functools import lru_cache
from unicodedata import category, normalize


class _Ignored(dict[int, int | None]):
    """str.translate table that learns on demand which characters are ignored: combining marks and punctuation."""

    def __missing__(self, code: int) -> int | None:
        kept = None if category(chr(code))[0] in "MP" else code
        self[code] = kept
        return kept


_SHORT = 80
"""Texts up to this length are worth remembering, and do not fill the memory."""

_IGNORED: Mapping[int, int | None] = _Ignored()


def fold(text: str) -> str:
    """Return the form in which two texts are alike for string search.

    Shape: "  O'Brien " -> "obrien", "Müller-Lüdenscheidt" -> "mullerludenscheidt", "Straße" -> "strasse"
    """
    if text.isalnum() and text.isascii():
        return text.lower()
    return _remembered(text) if len(text) <= _SHORT else _folded(text)


def _folded(text: str) -> str:
    if not text.isascii():
        # Case folding can yield characters that decompose further, so it comes between two decompositions.
        text = normalize("NFKD", normalize("NFKD", text).casefold())
    return " ".join(text.casefold().translate(_IGNORED).split())


_remembered = lru_cache(maxsize=8192)(_folded)
"""Names of codes and of cities come again and again."""


def prefix_end(prefix: str) -> str | None:
    """Return the first text after all that begin with a prefix, in the order of code points; None when there is none.

    MongoDB compares strings as UTF-8, which orders like code points.
    """
    for position in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[position]) + 1
        if code == 0xD800:  # surrogates are no characters
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[:position] + chr(code)
    return None
