"""Draft → stored document (as BSON bytes), and stored document → Version.

Encoding happens once, before a write waits for its batch: the true size is known, and what MongoDB could not hold
fails alone. Spec: https://hl7.org/fhir/R4/json.html, https://www.mongodb.com/docs/manual/reference/limits/
"""

from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

import bson
from bson import Decimal128
from bson.codec_options import CodecOptions, TypeRegistry
from bson.raw_bson import RawBSONDocument

from fhir_server.kernel import layout
from fhir_server.kernel.errors import Issue, TooLarge, Unprocessable
from fhir_server.kernel.types import Draft, Resource, Version

MAX_BYTES = 16 * 1024 * 1024
"""MongoDB's limit for one document; both copies of the resource and its index stand in one."""

_FIELDS = (
    layout.VERSION,
    layout.UPDATED,
    layout.METHOD,
    layout.JSON,
    layout.COMPARTMENTS,
    layout.SECURITY,
    layout.BLOB,
)
SERVED = dict.fromkeys(_FIELDS, True)
"""The projection of a current document that a Version needs: not the native copy, not the index."""

_INT64 = 1 << 63
_DECIMAL_DIGITS = 34


def _decimal128(value: Any) -> Any:
    if isinstance(value, Decimal):
        return Decimal128(value)
    return value


READING: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
WRITING: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, tzinfo=UTC, type_registry=TypeRegistry(fallback_encoder=_decimal128)
)
# BSON's own 128-bit decimals trap numbers that they cannot hold exactly; these are what the C encoder may raise.
_NOT_HELD = (OverflowError, ArithmeticError, bson.errors.BSONError, UnicodeError, TypeError, RecursionError)


def current(draft: Draft, *, native_copy: bool) -> RawBSONDocument:
    """Return the document that holds a draft as the current version.

    Errors: TooLarge beyond 16 MB, Unprocessable for what BSON cannot hold (too deep, a NUL in a name)
    """
    version = draft.version
    document = {layout.ID: version.id, **_common(version)}
    if not version.deleted:
        document[layout.INDEX] = draft.index
        if draft.generation:
            document[layout.GENERATION] = draft.generation
        if native_copy and draft.resource is not None:
            document[layout.RESOURCE] = draft.resource
    return RawBSONDocument(_encode(document))


def indexed_anew(index: Mapping[str, Any], compartments: tuple[str, ...], generation: int) -> dict[str, Any]:
    """Return the fields of a current document that a new index replaces."""
    return {layout.INDEX: index, layout.COMPARTMENTS: compartments, layout.GENERATION: generation}


def superseded(replaced: Version, draft: Draft) -> RawBSONDocument:
    """Return the history document of the version that a draft replaces."""
    document = {
        layout.ID: layout.history_id(replaced.id, replaced.version),
        layout.HISTORY_ID: replaced.id,
        layout.UNTIL: draft.version.updated,
        **_common(replaced),
    }
    return RawBSONDocument(_encode(document))


def native(resource: Resource) -> bytes:
    """Return the BSON text of the native copy: the same resource always gives the same bytes.

    Encoded as a field, as it is stored: on its own the driver would move a property `_id` to the front.
    """
    head = 4 + 1 + len(layout.RESOURCE) + 1  # length, type, name and its NUL
    return _encode({layout.RESOURCE: resource})[head:-1]


def version_of(type_: str, id_: str, document: Mapping[str, Any]) -> Version:
    """Return the version that a stored document (current or history) holds."""
    return Version(
        type_,
        id_,
        document[layout.VERSION],
        document[layout.UPDATED],
        document[layout.METHOD],
        document.get(layout.JSON, b""),
        tuple(document.get(layout.COMPARTMENTS, ())),
        tuple(document.get(layout.SECURITY, ())),
        document.get(layout.BLOB),
    )


def _common(version: Version) -> dict[str, Any]:
    """Return the fields that current and history documents share."""
    document: dict[str, Any] = {
        layout.VERSION: version.version,
        layout.UPDATED: version.updated,
        layout.METHOD: version.method,
        layout.COMPARTMENTS: version.compartments,
        layout.SECURITY: version.security,
    }
    if not version.deleted:
        document[layout.JSON] = version.json
    if version.blob is not None:
        document[layout.BLOB] = version.blob
    return document


def _encode(document: Mapping[str, Any]) -> bytes:
    try:
        text = bson.encode(document, codec_options=WRITING)
    except _NOT_HELD:
        text = _encode_fitted(document)
    if len(text) > MAX_BYTES:
        raise TooLarge(f"the resource needs {len(text)} bytes in the database, {MAX_BYTES} are possible")
    return text


def _encode_fitted(document: Mapping[str, Any]) -> bytes:
    """Return the BSON text of a document with numbers that BSON has no type for spelled as text."""
    try:
        return bson.encode(_fitted(document), codec_options=WRITING)
    except (bson.errors.BSONError, UnicodeError, TypeError, RecursionError):
        raise Unprocessable(Issue("structure", "the resource cannot be stored: it nests too deep or has a name that"
                                  " MongoDB does not allow")) from None  # fmt: skip


def _fitted(value: Any) -> Any:
    match value:
        case Mapping():
            return {name: _fitted(part) for name, part in value.items()}
        case list() | tuple():
            return [_fitted(part) for part in value]
        case bool():
            return value
        case int() if not -_INT64 <= value < _INT64:
            return _fitted(Decimal(value))
        case Decimal():
            return _fitted_decimal(value)
    return value


def _fitted_decimal(value: Decimal) -> Decimal128 | str:
    if len(value.as_tuple().digits) > _DECIMAL_DIGITS:
        return str(value)
    try:
        return Decimal128(value)
    except ArithmeticError:
        return str(value)
