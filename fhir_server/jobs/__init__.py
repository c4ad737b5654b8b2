"""What goes on beside requests: taking up altered search parameters, and indexing anew.

Spec: https://hl7.org/fhir/R4/async.html
"""

from fhir_server.jobs.background import jobs_at_work

__all__ = ["jobs_at_work"]
