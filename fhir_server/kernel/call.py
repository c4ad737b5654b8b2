"""What a caller asks and what it gets: the same for HTTP, a batch entry, an operation or a job.

Spec: https://hl7.org/fhir/R4/http.html
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from fhir_server.kernel.errors import Issue
from fhir_server.kernel.types import Guard, Resource, Version

Interaction = Literal[
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "history-system",
    "create",
    "search-type",
    "search-system",
    "search-compartment",
    "capabilities",
    "batch",
    "transaction",
    "operation",
]

WRITES = frozenset[Interaction]({"create", "update", "patch", "delete"})
"""The interactions that make versions."""

Returning = Literal["minimal", "representation", "OperationOutcome"]
Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. Without authorization there is one principal that may do everything."""

    id: str = "anonymous"


@dataclass(frozen=True, slots=True)
class Preferences:
    """The Prefer header; `returning` None means that the caller did not say."""

    returning: Returning | None = None
    handling: Literal["strict", "lenient"] = "lenient"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditional headers, as sent; `if_none_exist` holds search criteria."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: datetime | None = None
    if_none_exist: str | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch document of one of the three kinds that PATCH accepts."""

    kind: Literal["json-patch", "merge-patch", "fhirpath-patch"]
    document: Any


@dataclass(frozen=True, slots=True)
class Address:
    """What a method and a path below the base URL mean."""

    interaction: Interaction
    type: str | None = None
    id: str | None = None
    version_id: str | None = None
    operation: str | None = None
    compartment_type: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One interaction that a principal asks for; `base_url` has no slash at its end.

    `guards`: what a transaction promises besides the uniqueness of what it creates; its caller has read them.
    `streams`: the answer may come in pieces; an entry of a Bundle needs all of it.
    """

    address: Address
    base_url: str
    principal: Principal = Principal()
    method: str = "GET"
    params: Params = ()
    body: Resource | None = None
    patch: Patch | None = None
    prefer: Preferences = Preferences()
    conditions: Conditions = Conditions()
    guards: tuple[Guard, ...] = ()
    streams: bool = False

    @property
    def type(self) -> str:
        """The resource type; only for interactions whose address has one."""
        assert self.address.type is not None
        return self.address.type

    @property
    def id(self) -> str:
        """The logical id; only for interactions whose address has one."""
        assert self.address.id is not None
        return self.address.id


@dataclass(frozen=True, slots=True)
class Stream:
    """A Bundle that is too large to wait in memory: all but its entries, and the texts of these, some at a time.

    Who takes `entries` closes them, also when nobody wants the rest. An error that they raise leaves half a Bundle.
    """

    head: Mapping[str, Any]
    entries: AsyncGenerator[Sequence[bytes], None]


@dataclass(frozen=True, slots=True)
class Result:
    """The answer: `body` is JSON text, `version` tells ETag and Last-Modified, `issues` are hints, not failures.

    `stream` stands for the body where a call `streams`.
    `headers` are those that an operation alone knows of, as Content-Location of one that goes on in the background.
    """

    status: int
    body: bytes | None = None
    version: Version | None = None
    location: str | None = None
    issues: tuple[Issue, ...] = field(default=())
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Stream | None = None
