"""MongoDB: the only package that talks to the driver.

Spec: https://hl7.org/fhir/R4/http.html
"""

from fhir_server.storage.blobs import Blobs
from fhir_server.storage.client import Storage, open_storage
from fhir_server.storage.history import HistoryCursor, HistoryPage
from fhir_server.storage.reindexing import Indexed, Job, Stored
from fhir_server.storage.verify import Finding

__all__ = ["Blobs", "Finding", "HistoryCursor", "HistoryPage", "Indexed", "Job", "Storage", "Stored", "open_storage"]
