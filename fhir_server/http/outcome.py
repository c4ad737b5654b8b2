"""FhirError → OperationOutcome response: the only place that renders errors.

Spec: https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/http.html#Status-Codes
"""

from collections.abc import Mapping

from fhir_server.http.negotiate import FHIR_JSON
from fhir_server.interactions.bundles import outcome
from fhir_server.kernel.errors import FhirError, Issue
from fhir_server.kernel.fhir_json import encode

Headers = list[tuple[bytes, bytes]]


def error_body(error: FhirError) -> bytes:
    """Return the text of the OperationOutcome that tells an error."""
    return encode(outcome(error.issues))


def unexpected_body(request_id: str) -> bytes:
    """Return the text for what should not have happened: no internals, only the id to find it in the log."""
    text = f"the server failed on this request; its log tells why under the request id {request_id}"
    return encode(outcome([Issue("exception", text, severity="fatal")]))


def header_list(headers: Mapping[str, str], body: bytes) -> Headers:
    """Return response headers for a JSON body in the form that ASGI wants."""
    pairs = {"content-type": FHIR_JSON, "content-length": str(len(body)), **headers}
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items()]
