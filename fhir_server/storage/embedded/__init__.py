"""A private MongoDB for demo, tests and small single-machine use: found, started and stopped by the server itself.

Spec: https://www.mongodb.com/docs/manual/reference/program/mongod/
"""

from fhir_server.storage.embedded.failure import EmbeddedError
from fhir_server.storage.embedded.process import Mongod

__all__ = ["EmbeddedError", "Mongod"]
