"""Who may do what: the one place that decides, before anything is read or written.

Until authorization exists every principal may see and do everything; the decision already stands where all
callers pass, and storage takes its filter as a required argument.
Spec: https://hl7.org/fhir/R4/security.html
"""

from fhir_server.kernel.call import Call
from fhir_server.kernel.query import EVERYTHING, Access


def decide(call: Call) -> Access:  # noqa: ARG001 - the decision will read principal, type and interaction
    """Return what the caller may see in this interaction; raise Forbidden where nothing is allowed."""
    return EVERYTHING
