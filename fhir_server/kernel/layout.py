"""The only place that spells the names of stored fields and collections.

A current document:  {_id, version, updated, method, json, resource, index, compartments, security}
A history document:  {_id: "<id>/<version>", id, version, updated, until, method, json, compartments, security}
A deleted resource keeps its current document (so that one version filter guards every write) but has neither
`json`, `resource` nor `index`: no positive search criterion can match it. `generation` stands in a current document
whose index follows altered rules (ADR 6).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ID = "_id"
VERSION = "version"
UPDATED = "updated"
METHOD = "method"
JSON = "json"
RESOURCE = "resource"
INDEX = "index"
COMPARTMENTS = "compartments"
SECURITY = "security"
BLOB = "blob"
"""GridFS key of a Binary's content when it is too large to stand in the document."""

GENERATION = "generation"
"""Which rules of indexing the index follows; not there for those that every database begins with."""

LAST_UPDATED = f"{INDEX}._lastUpdated.low"
"""The instant of `updated` as searches know it; not there where the resource is deleted."""

CONTAINED = f"{INDEX}.contained"
"""For each contained resource with an id an element {type, _id, index, ways}: index as a document of its own has."""

UNSEARCHED = f"{INDEX}.rare.:references"
"""References to Patients, Encounters and Accounts that no search parameter finds; no parameter has such a code."""

TYPE = "type"
WAYS = "ways"
"""By which references a contained resource is reached: ["rare.medication", "rare.medication Medication.rare.form"]."""

HISTORY_ID = "id"
UNTIL = "until"
"""History only: the instant at which the next version took over (for `_at`)."""

GUARDS = "guards"
MIGRATIONS = "migrations"
SECRETS = "secrets"
BLOBS = "blobs"
RULES = "rules"
JOBS = "jobs"


def history_collection(type_: str) -> str:
    """Return the collection that keeps superseded versions of a type: "Patient" -> "Patient_history"."""
    return f"{type_}_history"


def history_id(id_: str, version: int) -> str:
    """Return the unique key of a superseded version: ("p1", 3) -> "p1/3"; FHIR ids contain no slash."""
    return f"{id_}/{version}"


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """One index: `keys` are (field, 1 | -1 | "text" …) in order, `options` as MongoDB's createIndexes names them."""

    name: str
    keys: tuple[tuple[str, int | str], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
