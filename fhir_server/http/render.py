"""Result → status, headers and bytes.

Spec: https://hl7.org/fhir/R4/http.html#versioning, https://hl7.org/fhir/R4/http.html#ops
"""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

from fhir_server.http.negotiate import FHIR_JSON, accepts_gzip, binary_form
from fhir_server.http.outcome import Headers
from fhir_server.http.stream import Pieces, compact_text, compressed, pretty_text
from fhir_server.interactions.bundles import outcome
from fhir_server.kernel import query_string
from fhir_server.kernel.call import WRITES, Call, Result, Stream
from fhir_server.kernel.fhir_json import decode_stored, encode, pretty
from fhir_server.resources.versioning import etag

_COMPRESS_FROM = 4096
"""Bytes from which gzip pays: below, a packet is a packet."""

_CONTENT_SAFETY = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, ready to be sent; `pieces` stand for the body of one that is sent while it is made."""

    status: int
    headers: Headers
    body: bytes
    pieces: Pieces | None = None


def render(call: Call, result: Result, request_headers: Mapping[str, str]) -> Reply:
    """Return the response to a call, in the form that the caller prefers."""
    headers = dict(result.headers)
    if result.version is not None:
        headers["etag"] = etag(result.version)
        headers["last-modified"] = _http_date(int(result.version.updated.timestamp()))
    if result.location is not None:
        headers["location"] = result.location
    if result.stream is not None:
        return _streamed(call, result.status, result.stream, headers, request_headers)
    status, body = result.status, _body(call, result)
    if body is None:
        return _reply(status, headers, b"")
    if status == 204:  # which has no body: uvicorn would break the connection off
        status = 200
    body = _in_form(call, result, body, headers, request_headers)
    if len(body) >= _COMPRESS_FROM:
        # Also where it stays plain: a cache must not keep that one for all.
        headers["vary"] = f"{headers['vary']}, Accept-Encoding" if "vary" in headers else "Accept-Encoding"
        if accepts_gzip(request_headers.get("accept-encoding")):
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1)
    return _reply(status, headers, body)


def _in_form(
    call: Call, result: Result, text: bytes, headers: dict[str, str], request_headers: Mapping[str, str]
) -> bytes:
    """Return a text in the form that the caller prefers, and tell of the form in the headers."""
    headers["content-type"] = FHIR_JSON
    if call.address.type == "Binary":
        headers["vary"] = "Accept"
        if _as_content(call, result, request_headers):
            return _content(text, headers)
    return pretty(text) if call.params and _wants_pretty(call) else text


def _streamed(
    call: Call, status: int, stream: Stream, headers: dict[str, str], request_headers: Mapping[str, str]
) -> Reply:
    """Return a response without a length: what the stream holds is not known before its end."""
    pieces = (pretty_text if _wants_pretty(call) else compact_text)(stream)
    headers |= {"content-type": FHIR_JSON, "vary": "Accept-Encoding"}
    if accepts_gzip(request_headers.get("accept-encoding")):
        headers["content-encoding"] = "gzip"
        pieces = compressed(pieces)
    return Reply(status, _raw(headers), b"", pieces)


def _reply(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    raw = _raw(headers)
    if status not in (204, 304):
        raw.append((b"content-length", str(len(body)).encode("ascii")))
    return Reply(status, raw, body)


def _raw(headers: Mapping[str, str]) -> Headers:
    return [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _body(call: Call, result: Result) -> bytes | None:
    """Return the text that the Prefer header leaves of a result; reads and Bundles are never cut."""
    if result.status == 304:
        return None
    if call.address.interaction not in WRITES:
        return result.body
    match call.prefer.returning:
        case "minimal":
            return None
        case "OperationOutcome":
            return encode(outcome(result.issues))
    return result.body


def _as_content(call: Call, result: Result, headers: Mapping[str, str]) -> bool:
    if call.address.interaction not in ("read", "vread") or result.status != 200:
        return False
    return binary_form(headers.get("accept"), query_string.last(call.params, "_format")) == "content"


def _content(text: bytes, headers: dict[str, str]) -> bytes:
    """Return the raw content of a Binary; its type and security context go into the headers."""
    resource = decode_stored(text)
    headers["content-type"] = _header_value(resource["contentType"]) or "application/octet-stream"
    # Content comes from clients: a browser must neither guess another type nor run it.
    headers.update(_CONTENT_SAFETY)
    context = _header_value(resource.get("securityContext", {}).get("reference", ""))
    if context:
        headers["x-security-context"] = context
    return base64.b64decode(resource.get("data", ""))


def _header_value(text: str) -> str:
    """Return a text that may stand in a header; what clients stored with line breaks or beyond ASCII may not."""
    return text if text.isascii() and text.isprintable() else ""


def _wants_pretty(call: Call) -> bool:
    return ("_pretty", "true") in call.params


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
