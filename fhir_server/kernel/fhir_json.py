"""JSON text ↔ Python values without losing a digit: decimals stay `Decimal`, order stays order.

Spec: https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/datatypes.html#decimal
"""

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from fhir_server.kernel.errors import Invalid, Issue

_DECODE = msgspec.json.Decoder(float_hook=Decimal).decode
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_BOM = b"\xef\xbb\xbf"

Raw = msgspec.Raw
"""Text that is already JSON: stands in a value and is copied as it is by `encode`."""


def decode(text: bytes) -> Any:
    """Return the value of a JSON text from a client.

    Errors: Invalid when the text is not JSON in UTF-8, nests too deep, or repeats a key in one object
            (a parser would silently drop one of the two)
    """
    text = text.removeprefix(_BOM)
    try:
        value = _DECODE(text)
    except RecursionError:
        raise Invalid(Issue("structure", "the JSON text nests too deep")) from None
    except UnicodeDecodeError:
        raise Invalid(Issue("structure", "the text is not UTF-8")) from None
    except msgspec.MsgspecError as error:
        raise Invalid(Issue("structure", f"not a JSON text: {_reason(error)}")) from None
    if _may_hide_keys(text) or _key_count(text) != _key_count(_ENCODE(value)):
        _refuse_duplicate_keys(text)
    return value


def decode_stored(text: bytes) -> Any:
    """Return the value of a JSON text that this server wrote."""
    return _DECODE(text)


def encode(value: Any) -> bytes:
    """Return the compact JSON text of a value; `Raw` parts are copied."""
    return _ENCODE(value)


def pretty(text: bytes) -> bytes:
    """Return the same JSON text with two-space indentation."""
    return msgspec.json.format(text, indent=2)


def _reason(error: Exception) -> str:
    # msgspec names lone surrogates and cut-off text alike; its messages hold offsets, never content.
    return str(error).removeprefix("JSON is malformed: ")


def _may_hide_keys(text: bytes) -> bool:
    """Tell whether white space may stand between a key and its colon, where `_key_count` would miss the key."""
    # One byte is found ten times as fast as two are, and few texts have any of these.
    return b" :" in text or any(space in text and space + b":" in text for space in (b"\n", b"\t", b"\r"))


def _key_count(text: bytes) -> int:
    """Return how many keys a compact text has: a quote before a colon ends a key unless it is escaped."""
    keys = text.count(b'":')
    # Looking for one backslash costs nothing beside a second count, and most resources have none.
    return keys - text.count(b'\\":') if b"\\" in text else keys


def _refuse_duplicate_keys(text: bytes) -> None:
    """Raise Invalid when an object repeats a key; texts with space before colons also come here, and pass."""

    def no_duplicates(pairs: Iterable[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Invalid(Issue("structure", f"the key {key[:60]!r} stands twice in one object"))
            seen.add(key)

    try:
        json.loads(text, object_pairs_hook=no_duplicates, parse_int=str, parse_float=str)
    except RecursionError:
        raise Invalid(Issue("structure", "the JSON text nests too deep")) from None
