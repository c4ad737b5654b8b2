"""From an entry of a batch or transaction to the call that it asks for.

Spec: https://hl7.org/fhir/R4/bundle.html#BatchTransactionBundle, https://hl7.org/fhir/R4/http.html#trules
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from fhir_server.interactions.addresses import address
from fhir_server.interactions.env import Env
from fhir_server.kernel import query_string
from fhir_server.kernel.call import Address, Call, Conditions, Patch
from fhir_server.kernel.errors import FhirError, Invalid, Issue, TooLarge
from fhir_server.kernel.fhir_json import decode
from fhir_server.kernel.fhir_time import bounds
from fhir_server.kernel.types import Resource

PATCH_KINDS: Mapping[str, Any] = {
    "application/json-patch+json": "json-patch",
    "application/merge-patch+json": "merge-patch",
}

_CONDITIONS = ("ifMatch", "ifNoneMatch", "ifModifiedSince", "ifNoneExist")
_NO_CONDITIONS = Conditions()

_PARTS = frozenset({"fullUrl", "resource", "request"})
_REQUEST_PARTS = frozenset({"method", "url", "ifMatch", "ifNoneMatch", "ifNoneExist"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_WITHOUT_BLANKS = re.compile(r"[!-~]+").fullmatch


def checked_entries(env: Env, body: object) -> list[Any]:
    """Return the entries of a batch or transaction, not yet checked.

    Errors: Invalid for what is no such Bundle, TooLarge for more entries than the setting allows
    """
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        raise Invalid(Issue("structure", "the body must be a Bundle", expression="Bundle"))
    if body.get("type") not in ("batch", "transaction"):
        raise Invalid(Issue("value", "only a batch or a transaction can be posted here", expression="Bundle.type"))
    entries = body.get("entry")
    if isinstance(entries, list) and len(entries) > env.settings.max_bundle_entries:
        raise TooLarge(f"the Bundle has more than {env.settings.max_bundle_entries} entries")
    env.pipeline.check({name: value for name, value in body.items() if name != "entry"})
    if entries is None:
        return []
    if not isinstance(entries, list) or not entries:
        raise Invalid(Issue("structure", "expected an array with at least one item", expression="Bundle.entry"))
    return entries


def check_entry(env: Env, index: int, entry: object) -> None:
    """Raise Invalid when an entry, without its resource, breaks a rule of FHIR or has no request."""
    if not isinstance(entry, dict):
        raise Invalid(Issue("structure", "an entry must be a JSON object", expression=place(index)))
    if not isinstance(entry.get("request"), dict):
        raise Invalid(Issue("required", "the entry has no request", expression=f"{place(index)}.request"))
    if _is_plain(entry):
        return
    alone = {name: value for name, value in entry.items() if name != "resource"}
    try:
        env.pipeline.check({"resourceType": "Bundle", "type": "batch", "entry": [alone]})
    except Invalid as error:
        issues = (
            replace(one, expression=(one.expression or "").replace(place(0), place(index))) for one in error.issues
        )
        raise Invalid(*issues) from None


def _is_plain(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry has the commonest parts alone, of which none breaks a rule; to validate it costs ten times.

    What is not plain may still be valid.
    """
    request, name = entry["request"], entry.get("fullUrl", "-")
    return (
        entry.keys() <= _PARTS
        and request.keys() <= _REQUEST_PARTS
        and "url" in request
        and all(type(text) is str and _WITHOUT_BLANKS(text) for text in (name, *request.values()))
        and request.get("method") in _METHODS
        and "/_history/" not in name
    )


def refuse_equal_names(entries: Sequence[Any]) -> None:
    """Raise Invalid when two entries of a transaction have one fullUrl: a link could mean either."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = entry.get("fullUrl") if isinstance(entry, dict) else None
        first = seen.setdefault(name, index) if isinstance(name, str) else index
        if first != index:
            text = f"{place(first)} and {place(index)} have the same fullUrl"
            raise Invalid(Issue("duplicate", text, expression=f"{place(index)}.fullUrl"))


def place(index: int) -> str:
    """Return the FHIRPath of an entry: 3 -> "Bundle.entry[3]"."""
    return f"Bundle.entry[{index}]"


def entry_call(env: Env, outer: Call, index: int, entry: Mapping[str, Any]) -> Call:
    """Return the call that an entry asks for, with the principal, base URL and preferences of the Bundle's.

    Errors: FhirError whose issues name the entry
    """
    check_entry(env, index, entry)
    request = entry["request"]
    try:
        target, _, query = _below_base(request["url"], outer.base_url).partition("?")
        found = address(request["method"], unquote(target), env.definitions.resource_types)
        body, patch = _content(found, entry.get("resource"))
        return Call(
            found,
            outer.base_url,
            outer.principal,
            request["method"],
            params=query_string.parse(query),
            body=body,
            patch=patch,
            prefer=outer.prefer,
            conditions=_conditions(env, request),
        )
    except FhirError as error:
        raise named(error, f"{place(index)}.request.url") from None


def named(error: FhirError, where: str) -> FhirError:
    """Return the same error with `where` as the place of every issue that names none."""
    issues = [issue if issue.expression else replace(issue, expression=where) for issue in error.issues]
    return type(error)(*issues, headers=error.headers)


def moved(error: FhirError, where: str) -> FhirError:
    """Return the same error with `where` as the place of every issue, whatever it named."""
    return type(error)(*(replace(issue, expression=where) for issue in error.issues), headers=error.headers)


def _below_base(url: str, base_url: str) -> str:
    if url.startswith(base_url) and url[len(base_url) : len(base_url) + 1] in ("", "/", "?"):
        return url[len(base_url) :].lstrip("/")
    if "://" in url:
        raise Invalid("the request's URL is not one of this server")
    return url.lstrip("/")


def _conditions(env: Env, request: Mapping[str, Any]) -> Conditions:
    if request.keys().isdisjoint(_CONDITIONS):
        return _NO_CONDITIONS
    since = request.get("ifModifiedSince")
    return Conditions(
        if_match=request.get("ifMatch"),
        if_none_match=request.get("ifNoneMatch"),
        if_modified_since=None if since is None else bounds(since, env.zone)[0],
        if_none_exist=request.get("ifNoneExist"),
    )


def _content(found: Address, resource: Any) -> tuple[Resource | None, Patch | None]:
    """Return an entry's resource as the body, or as the patch, of what its address asks for."""
    match found.interaction:
        case "create" | "update":
            if resource is None:
                raise Invalid(Issue("required", "a POST or PUT entry needs a resource"))
            return resource, None
        case "patch":
            return None, _patch(resource)
        case "operation":
            return resource, None
        case "batch" | "transaction":
            raise Invalid("a Bundle may not be posted inside of a Bundle")
    return None, None


def _patch(resource: Any) -> Patch:
    """Return the patch of a PATCH entry: Parameters, or a Binary that holds a patch document."""
    if isinstance(resource, dict) and resource.get("resourceType") == "Parameters":
        return Patch("fhirpath-patch", resource)
    if isinstance(resource, dict) and resource.get("resourceType") == "Binary":
        kind = PATCH_KINDS.get(str(resource.get("contentType")).partition(";")[0].strip())
        if kind is not None:
            try:
                return Patch(
                    kind, decode(base64.b64decode("".join(str(resource.get("data", "")).split()), validate=True))
                )
            except binascii.Error:
                raise Invalid("the Binary of a PATCH entry does not hold base64") from None
    raise Invalid("a PATCH entry needs Parameters, or a Binary with a JSON Patch or merge patch")
