"""Places in a search as text for links: signed, so that only this server makes them, and bound to search and principal.

Spec: https://hl7.org/fhir/R4/http.html#paging
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.query import Position

PARAMETER = "_page"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAC_BYTES = 16
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Binding:
    """What a place belongs to: it is worth nothing for another principal or another search."""

    principal: str
    path: str
    params: tuple[tuple[str, str], ...]

    def bytes(self) -> bytes:
        return encode(
            [self.principal, self.path, [pair for pair in self.params if pair[0] not in (PARAMETER, "_count")]]
        )


def to_text(position: Position, binding: Binding, key: bytes) -> str:
    """Return the text of a position for a link."""
    content = [[_packed(value) for value in position.values], position.type, position.id, position.backwards]
    payload = encode(content)
    return urlsafe_b64encode(_mac(payload, binding, key) + payload).decode("ascii").rstrip("=")


def from_text(text: str, binding: Binding, key: bytes) -> Position:
    """Return the position that a link of this server holds.

    Errors: Invalid for any other text, also one from another search or of another principal
    """
    try:
        raw = urlsafe_b64decode(text[:_LONGEST].encode("ascii") + b"==")
    except ValueError:
        raise _foreign() from None
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(payload, binding, key)):
        raise _foreign()
    values, type_, id_, backwards = decode_stored(payload)
    return Position(tuple(_unpacked(value) for value in values), type_, id_, backwards)


def without_page(params: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the parameters of the search that a page belongs to."""
    return tuple(pair for pair in params if pair[0] != PARAMETER)


def _mac(payload: bytes, binding: Binding, key: bytes) -> bytes:
    return hmac.digest(key, payload + b"\0" + binding.bytes(), sha256)[:_MAC_BYTES]


def _packed(value: Any) -> Any:
    match value:
        case datetime():
            return {"t": (value - _EPOCH) // timedelta(milliseconds=1)}
        case float():
            return {"f": value.hex()}
    return value


def _unpacked(value: Any) -> Any:
    match value:
        case {"t": int(milliseconds)}:
            return _EPOCH + timedelta(milliseconds=milliseconds)
        case {"f": str(digits)}:
            return float.fromhex(digits)
    return value


def _foreign() -> Invalid:
    return Invalid(Issue("value", f"{PARAMETER} is not a page of this search", expression=PARAMETER))
