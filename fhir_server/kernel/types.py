"""The words that every package shares: resources, ids and one version of a resource.

Spec: https://hl7.org/fhir/R4/resource.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from msgspec import Struct

Resource: TypeAlias = dict[str, Any]
"""A FHIR resource in its JSON shape: decoded once, encoded once, never changed in place."""

Method = Literal["POST", "PUT", "PATCH", "DELETE"]
"""The HTTP verb that made a version, as Bundle.entry.request.method of a history tells it."""


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version of a resource, as storage hands it out.

    `json` is the exact text that clients get; it is empty for the version that a delete made.
    """

    type: str
    id: str
    version: int
    updated: datetime
    method: Method
    json: bytes
    compartments: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    blob: str | None = None

    @property
    def deleted(self) -> bool:
        return self.method == "DELETE"

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


class Shown(Protocol):
    """What a Bundle shows of a version, current or not."""

    @property
    def type(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def json(self) -> bytes: ...
    @property
    def blob(self) -> str | None: ...
    @property
    def reference(self) -> str: ...


class Match(Struct, frozen=True):
    """A current version that a search found: no more of it than the Bundle shows.

    A page makes one for each hit: a Struct costs a third of a named tuple, a sixth of a frozen dataclass.
    """

    type: str
    id: str
    json: bytes
    blob: str | None = None

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Alteration:
    """What a SearchParameter that is written or deleted alters in the rules of indexing.

    Shape: `generation` is that of the rules which are altered; `types` those whose resources are to be indexed anew;
           `dropped` names what they are no longer indexed with ("Patient.nickname~0a1b2c3d4e")
    """

    generation: int
    types: frozenset[str]
    dropped: frozenset[str]


@dataclass(frozen=True, slots=True)
class RulesState:
    """How far the stored resources follow the rules of indexing.

    Shape: `generation` counts alterations; `touched` holds, by type, the generation of the last one, as long as not
           all of its resources are indexed anew; `indexed` names the parameters of users that are complete
    """

    generation: int = 0
    touched: Mapping[str, int] = field(default_factory=dict)
    indexed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A new version, prepared and ready to be stored; `resource` is None for a delete.

    `generation` is that of the rules which the index follows.
    """

    version: Version
    resource: Resource | None = None
    index: Mapping[str, Any] = field(default_factory=dict)
    generation: int = 0
    alters: Alteration | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a commit: `draft` takes the place of `replaces` (None: nothing was stored under that id)."""

    draft: Draft
    replaces: Version | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """A uniqueness promise: `key` must not have been taken by another writer since `seen` was read.

    Find-then-insert races even inside a snapshot transaction (write skew), so every criterion that decides
    whether something is created is also a document that the commit compares and sets.
    """

    key: str
    seen: int
