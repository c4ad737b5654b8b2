"""A plain HTTP exchange with a server on this machine: enough for probes and for loading the demo.

The standard client is used as it is: it heeds no proxy variables, and the parent process stays small.
Spec: https://hl7.org/fhir/R4/http.html
"""

from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_TIMEOUT_S = 120.0
FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0 means that nobody answered."""

    status: int
    body: bytes = b""


def exchange(method: str, url: str, body: bytes | None = None) -> Answer:
    """Return the answer to one request; no connection, or a broken one, is status 0."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, body, {"Content-Type": FHIR_JSON, "Accept": FHIR_JSON})
        with connection.getresponse() as answer:
            return Answer(answer.status, answer.read())
    except (OSError, HTTPException):
        return Answer(0)
    finally:
        connection.close()
