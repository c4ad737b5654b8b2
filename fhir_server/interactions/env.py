"""The collaborators of the interactions, built in `wiring` and never changed: what is altered is another Env.

Spec: https://hl7.org/fhir/R4/http.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from conformance.definitions import Definitions
from fhir_server.interactions.current import Current
from fhir_server.interactions.operation import Operation
from fhir_server.kernel.settings import Settings
from fhir_server.kernel.types import RulesState
from fhir_server.resources.prepare import Pipeline
from fhir_server.resources.references import Links
from fhir_server.search import Search
from fhir_server.storage import Storage


@dataclass(frozen=True, slots=True)
class Env:
    """Everything that an interaction may use besides its call."""

    settings: Settings
    zone: ZoneInfo
    definitions: Definitions
    pipeline: Pipeline
    links: Links
    search: Search
    rules: RulesState
    """The state of the rules of indexing that `pipeline` and `search` follow."""

    current: Current
    """Knows the Env in force, which may be a newer one."""

    storage: Storage
    cursor_key: bytes
    """Signs the links between pages; the same for all processes over one database."""

    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    measure: Callable[[str, int, float], None]
    """Counts one interaction: its name, the status, the seconds."""

    operations: Mapping[str, Operation]
    """What can be called, by name without "$"."""

    capabilities: Callable[[str], bytes]
    """The text of the CapabilityStatement for a base URL."""
