"""What indexing anew needs of the database: the state of the rules, jobs that one process at a time runs, the walk.

Spec: https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/async.html
"""

from fhir_server.storage.reindexing.jobs import Job, Jobs
from fhir_server.storage.reindexing.rules import Rules
from fhir_server.storage.reindexing.walk import Indexed, Stored, Walk

__all__ = ["Indexed", "Job", "Jobs", "Rules", "Stored", "Walk"]
