"""The Bundles that the server makes: entries of history, batch and transaction, and their text.

Spec: https://hl7.org/fhir/R4/bundle.html
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fhir_server.kernel.call import WRITES, Call, Result
from fhir_server.kernel.errors import FhirError, Issue, TooCostly
from fhir_server.kernel.fhir_json import Raw, encode
from fhir_server.kernel.fhir_time import instant
from fhir_server.kernel.types import Version
from fhir_server.resources.versioning import etag

Entry = Mapping[str, Any]


def bundle(
    type_: str, entries: Sequence[Entry], *, links: Mapping[str, str] | None = None, total: int | None = None
) -> bytes:
    """Return the text of a Bundle; links and total are left out where there are none."""
    whole = content(type_, links=links, total=total)
    if entries:
        whole["entry"] = entries
    return encode(whole)


def content(type_: str, *, links: Mapping[str, str] | None = None, total: int | None = None) -> dict[str, Any]:
    """Return what a Bundle tells besides its entries."""
    told: dict[str, Any] = {"resourceType": "Bundle", "type": type_}
    if total is not None:
        told["total"] = total
    if links:
        told["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    return told


def outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """Return the OperationOutcome of some issues; without any it says that all went well."""
    listed = [
        {
            "severity": issue.severity,
            "code": issue.code,
            "diagnostics": issue.diagnostics,
            **({"expression": [issue.expression]} if issue.expression else {}),
        }
        for issue in issues
    ]
    nothing = {"severity": "information", "code": "informational", "diagnostics": "all went well"}
    return {"resourceType": "OperationOutcome", "issue": listed or [nothing]}


class Room:
    """How many bytes the answers to reading entries of a Bundle may still have: they wait in memory for the last."""

    def __init__(self, bytes_: int) -> None:
        self._left = bytes_

    def check(self) -> None:
        """Raise TooCostly when nothing more has room."""
        if self._left < 0:
            raise TooCostly("the answers to this Bundle are too large together: ask in several")

    def take(self, body: bytes | None) -> None:
        self._left -= len(body or b"")


def status_line(status: int) -> str:
    """Return the status as a Bundle tells it: 201 -> "201 Created"."""
    return f"{status} {HTTPStatus(status).phrase}"


def history_entry(version: Version, base_url: str) -> Entry:
    """Return the entry of one version: the resource (unless deleted), and what made it."""
    created = version.version == 1
    entry: dict[str, Any] = {"fullUrl": f"{base_url}/{version.reference}"}
    if not version.deleted:
        entry["resource"] = Raw(version.json)
    entry["request"] = {
        "method": version.method,
        "url": version.type if version.method == "POST" else version.reference,
    }
    entry["response"] = {
        "status": status_line(204 if version.deleted else 201 if created else 200),
        "etag": etag(version),
        "lastModified": instant(version.updated),
    }
    return entry


def result_entry(call: Call, result: Result) -> Entry:
    """Return the response entry of one interaction in a batch or transaction."""
    response: dict[str, Any] = {"status": status_line(result.status)}
    if result.location is not None:
        response["location"] = result.location
    if result.version is not None:
        response["etag"] = etag(result.version)
        response["lastModified"] = instant(result.version.updated)
    writing = call.address.interaction in WRITES
    if result.issues or (writing and call.prefer.returning == "OperationOutcome"):
        response["outcome"] = outcome(result.issues)
    if result.body is None or (writing and call.prefer.returning != "representation"):
        return {"response": response}
    return {"resource": Raw(result.body), "response": response}


def error_entry(error: FhirError) -> Entry:
    """Return the response entry of an interaction that failed."""
    return {"response": {"status": status_line(error.status), "outcome": outcome(error.issues)}}
