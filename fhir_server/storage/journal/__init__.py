"""Messages that came in and messages to be sent: kept beside the resources, and not part of FHIR's data.

Spec: https://www.mongodb.com/docs/manual/core/index-ttl/
"""

from fhir_server.storage.journal.letters import Letters
from fhir_server.storage.journal.outbox import Outgoings

__all__ = ["Letters", "Outgoings"]
