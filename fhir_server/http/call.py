"""A request → the `Call` that it means: address, parameters, body, preferences, conditions.

Spec: https://hl7.org/fhir/R4/http.html
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from starlette.types import Receive, Scope

from fhir_server.http import decode
from fhir_server.http.negotiate import check_accept, media_type, preferences
from fhir_server.interactions.addresses import address
from fhir_server.interactions.env import Env
from fhir_server.kernel import query_string
from fhir_server.kernel.call import Address, Call, Conditions, Params
from fhir_server.kernel.errors import Invalid, Issue

BASE_PATH = "/fhir"
_SHORT = 1_000
"""Bytes up to which a query is worth remembering, and does not fill the memory."""

_NO_CONDITIONS = Conditions()
_HOST = re.compile(r"([A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?").fullmatch


async def call_of(env: Env, scope: Scope, receive: Receive, headers: Mapping[str, str]) -> Call:
    """Return the call that a request below the base path means.

    Errors: FhirError of the first thing in it that cannot be understood
    """
    found = address(scope["method"], scope["path"][len(BASE_PATH) :], env.definitions.resource_types)
    params = _params(scope["query_string"])
    if found.type != "Binary":
        check_accept(headers.get("accept"), query_string.last(params, "_format"))
    call = Call(
        found,
        base_url=env.settings.base_url or _base_url(scope["scheme"], headers.get("host", "localhost")),
        method=scope["method"],
        params=params,
        prefer=preferences(headers.get("prefer")),
        conditions=_conditions(headers),
        streams=True,
    )
    if scope["method"] in ("GET", "HEAD"):
        return call
    return _with_body(call, await _body(env, receive, headers), headers)


def _params(query: bytes) -> Params:
    if not query:
        return ()
    return _remembered(query) if len(query) <= _SHORT else _parsed(query)


def _parsed(query: bytes) -> Params:
    return query_string.parse(query.decode("latin-1"))


_remembered = lru_cache(maxsize=512)(_parsed)
"""Screens ask the same again and again; the same text gives the same strings, whose hashes are known then."""


@lru_cache(maxsize=512)
def _base_url(scheme: str, host: str) -> str:
    """Return the base URL by which a client reaches the server.

    Errors: Invalid for a Host header that no URL can have
    """
    if not _HOST(host):
        raise Invalid(Issue("value", "the Host header is no host, or host:port (RFC 9110, section 7.2)"))
    return f"{scheme}://{host}{BASE_PATH}"


def header_map(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; one that stands several times is joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _body(env: Env, receive: Receive, headers: Mapping[str, str]) -> bytes:
    sent = await decode.read_body(
        receive,
        limit=env.settings.max_body_bytes,
        declared=headers.get("content-length"),
        patience_s=env.settings.body_patience_s,
    )
    encoding = headers.get("content-encoding")
    if encoding is None:
        return sent
    return decode.decompress(sent, encoding, limit=env.settings.max_decompressed_bytes)


def _with_body(call: Call, body: bytes, headers: Mapping[str, str]) -> Call:
    type_ = media_type(headers.get("content-type") or "application/fhir+json")
    match call.address:
        case Address(interaction="create" | "update", type="Binary") if not type_.is_json:
            return _raw_binary(call, body, headers)
        case Address(interaction="create" | "update"):
            return replace(call, body=decode.resource(body, type_))
        case Address(interaction="patch"):
            return replace(call, patch=decode.patch(body, type_))
        case Address(interaction="batch"):
            bundle = decode.resource(body, type_)
            atomic = isinstance(bundle, dict) and bundle.get("type") == "transaction"
            return replace(call, body=bundle, address=Address("transaction" if atomic else "batch"))
        case Address(interaction="search-type" | "search-system" | "search-compartment"):
            return replace(call, params=(*call.params, *decode.form(body, type_)))
        case Address(interaction="operation") if body:
            return replace(call, body=decode.resource(body, type_))
    return call


def _raw_binary(call: Call, body: bytes, headers: Mapping[str, str]) -> Call:
    resource = decode.binary(
        body, headers["content-type"], id_=call.address.id, security_context=headers.get("x-security-context")
    )
    return replace(call, body=resource)


def _conditions(headers: Mapping[str, str]) -> Conditions:
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    since, none_exist = headers.get("if-modified-since"), headers.get("if-none-exist")
    if match is None and none_match is None and since is None and none_exist is None:
        return _NO_CONDITIONS
    return Conditions(match, none_match, None if since is None else _http_date(since), none_exist)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None  # RFC 9110, section 13.1.3: ignored
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
