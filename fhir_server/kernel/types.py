"""The words that every package shares: resources, ids and one version of a resource.

Spec: https://hl7.org/fhir/R4/resource.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

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


@dataclass(frozen=True, slots=True)
class Draft:
    """A new version, prepared and ready to be stored; `resource` is None for a delete."""

    version: Version
    resource: Resource | None = None
    index: Mapping[str, Any] = field(default_factory=dict)


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
