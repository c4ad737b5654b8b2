"""Places in a search as text for links: signed, so that only this server makes them, and bound to search and principal.

Spec: https://hl7.org/fhir/R4/http.html#paging
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.query import Page, Position, Query

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
    values = [_packed(value) for value in position.values]
    payload = encode([values, position.type, position.id, position.backwards, position.passed])
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
    values, *rest = decode_stored(payload)
    return Position(tuple(_unpacked(value) for value in values), *rest)


def without_page(params: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the parameters of the search that a page belongs to."""
    return tuple(pair for pair in params if pair[0] != PARAMETER)


def shortened(query: Query, most: int | None) -> Query:
    """Return the query of a page that stops where the search has had `most` hits; None sets no limit."""
    if most is None or (query.position is not None and query.position.backwards):
        return query
    return replace(query, count=min(query.count, most - _passed(query)))


def limited(found: Page, query: Query, most: int | None) -> Page:
    """Return a page whose links know how many hits lie before them, and which has no next one after `most`."""
    if most is None:
        return found
    passed, here = _passed(query), len(found.versions)
    if query.position is not None and query.position.backwards:
        passed = max(passed - here, 0)
    return Page(
        found.versions,
        next=replace(found.next, passed=passed + here) if found.next is not None and passed + here < most else None,
        previous=None if found.previous is None else replace(found.previous, passed=passed),
    )


def _passed(query: Query) -> int:
    return 0 if query.position is None else query.position.passed


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
