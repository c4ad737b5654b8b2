"""Bytes of a request → resource, patch or parameters, within the limits of the settings.

Spec: https://hl7.org/fhir/R4/http.html#mime-type, https://hl7.org/fhir/R4/binary.html#rest
"""

import asyncio
import base64
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from fhir_server.http.negotiate import MediaType, check_request_type
from fhir_server.kernel import query_string
from fhir_server.kernel.call import Params, Patch
from fhir_server.kernel.errors import Invalid, Issue, TimedOut, TooLarge, UnsupportedMediaType
from fhir_server.kernel.fhir_json import decode
from fhir_server.kernel.types import Resource

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

FORM = "application/x-www-form-urlencoded"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class Disconnected(Exception):
    """The client went away before its request was complete: there is nobody to answer."""


async def read_body(receive: Receive, *, limit: int, declared: str | None, patience_s: float) -> bytes:
    """Return the body of a request.

    Errors: TooLarge as soon as it is, or is declared to be, longer than `limit` bytes; TimedOut when a part of it
            takes longer than `patience_s` to come
    """
    if declared is not None and declared.isdigit() and int(declared[:18]) > limit:
        raise TooLarge(f"the body has more than {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            async with asyncio.timeout(patience_s):
                message = await receive()
        except TimeoutError:
            raise TimedOut("the rest of the body did not come", headers={"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body has more than {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def decompress(body: bytes, encoding: str | None, *, limit: int) -> bytes:
    """Return the body without its Content-Encoding.

    Errors: TooLarge before more than `limit` bytes are unpacked, Invalid for broken gzip,
            UnsupportedMediaType for another encoding
    """
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return body
    if name not in ("gzip", "x-gzip"):
        raise UnsupportedMediaType(f"Content-Encoding {name[:40]!r} is not understood: send gzip or none")
    return b"".join(_members(body, limit))


def _members(body: bytes, limit: int) -> Iterator[bytes]:
    """Yield the unpacked members of a gzip body: several may follow each other (RFC 1952, section 2.2)."""
    left = limit
    while body:
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        try:
            text = unpacker.decompress(body, left + 1)
        except zlib.error:
            raise Invalid(Issue("structure", "the body is not gzip")) from None
        left -= len(text)
        if left < 0:
            raise TooLarge(f"the unpacked body has more than {limit} bytes")
        if not unpacker.eof:
            raise Invalid(Issue("structure", "the gzip body ends too early"))
        body = unpacker.unused_data
        yield text


def resource(body: bytes, type_: MediaType) -> Resource:
    """Return the JSON value of a body; that it is a resource is checked where its type is known."""
    check_request_type(type_)
    if not body:
        raise Invalid(Issue("structure", "the body is empty"))
    value: Resource = decode(body)
    return value


def patch(body: bytes, type_: MediaType) -> Patch:
    """Return the patch document of a PATCH request; its kind follows from the content type."""
    if not body:
        raise Invalid(Issue("structure", "the body is empty"))
    match type_.name:
        case "application/json-patch+json":
            return Patch("json-patch", decode(body))
        case "application/merge-patch+json":
            return Patch("merge-patch", decode(body))
    check_request_type(type_)
    document = decode(body)
    return Patch("json-patch" if isinstance(document, list) else "fhirpath-patch", document)


def form(body: bytes, type_: MediaType) -> Params:
    """Return the parameters of a POST _search."""
    if not body:
        return ()
    if type_.name != FORM:
        raise UnsupportedMediaType(f"send search parameters as {FORM}")
    try:
        return query_string.parse(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Invalid(Issue("structure", "the body is not UTF-8")) from None


def binary(body: bytes, content_type: str, *, id_: str | None, security_context: str | None) -> Resource:
    """Return the Binary resource that a request with raw content means; the type keeps its parameters."""
    content: Resource = {"resourceType": "Binary"}
    if id_ is not None:
        content["id"] = id_
    content["contentType"] = " ".join(content_type.split())
    if security_context is not None:
        content["securityContext"] = {"reference": security_context}
    if body:
        content["data"] = base64.b64encode(body).decode("ascii")
    return content
