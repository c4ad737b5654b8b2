"""What a conversion knows while it runs: how its sender writes, and the entries made so far.

Spec: https://hl7.org/fhir/R4/bundle.html#transaction
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote
from uuid import UUID

from hl7_bridge.actions import Action
from hl7_bridge.er7 import STANDARD, Delimiters, Segment
from hl7_bridge.mapping.tables import Table

if TYPE_CHECKING:
    from hl7_bridge.mapping.trace import Trace

Resource = dict[str, Any]
Intent = Literal["upsert", "create", "reference", "delete"]
Joining = Literal["replace", "union", "keep"]
"""How an element joins what is stored: the message's, the items of both, or what is stored if anything is."""

OID = "urn:oid:"
UUID_ = "urn:uuid:"
URI_SYSTEM = "urn:ietf:rfc:3986"
"""System of an identifier whose value is itself a URI."""


class Text(Protocol):
    """A field's repetition, or one of its components: what a datatype reads."""

    def value(self, component: int = 1, subcomponent: int = 1) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the message that its sender should know, with its place: `PID-7`."""

    place: str
    text: str


@dataclass(slots=True)
class Draft:
    """An entry while its segments are read; `Conversion.entries` holds the finished ones."""

    type: str
    full_url: str
    intent: Intent = "upsert"
    resource: Resource = field(default_factory=dict)
    key: str | None = None
    clears: set[str] = field(default_factory=set)
    merge: Mapping[str, Joining] = field(default_factory=dict)
    apart: bool = False
    """Whether another entry with the same identifier and other content is another resource, not the same one twice."""
    weak: set[str] = field(default_factory=set)
    """Elements that are for a new resource only: a stored one keeps its own."""
    reference: Resource = field(init=False)

    def __post_init__(self) -> None:
        self.reference = {"reference": self.full_url}


class Sender:
    """How one sender writes: its zone, tables, code systems and assigning authorities; shared by its messages."""

    __slots__ = ("_authorities", "_systems", "authority", "coding_system", "memory", "name", "tables", "zone")

    def __init__(
        self,
        *,
        name: str,
        zone: tzinfo,
        tables: Mapping[str, Table],
        systems: Mapping[str, str],
        authorities: Mapping[str, str],
    ) -> None:
        self.name = name
        self.zone = zone
        self.tables = tables
        self._systems = systems
        self._authorities = authorities
        self.memory = Memory()
        # Names come from messages: the memory of them is bounded.
        self.coding_system = lru_cache(maxsize=2048)(self._coding_system)
        self.authority = lru_cache(maxsize=2048)(self._authority)

    def _coding_system(self, name: str) -> str | None:
        """Return the URI of a coding system that CWE-3 names; local names are scoped by the sender."""
        known = self._systems.get(name) or self._systems.get(name.upper())
        if known or not name:
            return known
        if name.upper().startswith("HL7") and name[3:].isdigit():
            return f"http://terminology.hl7.org/CodeSystem/v2-{name[3:]:0>4}"
        return uri_of(name) or f"urn:hl7v2:codes:{quote(self.name, safe='')}:{quote(name, safe='')}"

    def _authority(self, namespace: str, universal: str, kind: str, type_code: str) -> str:
        """Return the system of identifiers that an authority (HD) gives out, the same one for every spelling of it.

        ISO, UUID and URI ids name it for everyone; a namespace is looked up in the map files' `authorities`, and
        else becomes `urn:hl7v2:authority:<namespace>`; without any authority it is the sender that vouches,
        `urn:hl7v2:sender:<sender>:<identifier type>`.
        """
        known = self._authorities.get(namespace) or self._authorities.get(universal)
        if known:
            return known
        found = uri_of(universal) if universal and kind.upper() in ("", "ISO", "UUID", "GUID", "URI", "URL") else None
        if found:
            return found
        if namespace or universal:
            return "urn:hl7v2:authority:" + ":".join(quote(part, safe="") for part in (namespace or universal,))
        scope = f"urn:hl7v2:sender:{quote(self.name, safe='')}"
        return f"{scope}:{quote(type_code, safe='')}" if type_code else scope


class Memory(dict[Hashable, Any]):
    """Converted codes by their text: forgotten all at once when they become too many."""

    MOST = 4096

    def __setitem__(self, key: Hashable, value: Any) -> None:
        if len(self) >= self.MOST:
            self.clear()
        super().__setitem__(key, value)


def uri_of(text: str) -> str | None:
    """Return an OID, UUID or URI as a URI, or None for any other name."""
    if "://" in text or text.startswith("urn:"):
        return None if any(map(str.isspace, text)) else text
    if text[:2] in ("0.", "1.", "2.") and text.replace(".", "").isdigit() and text.isascii() and text.count(".") > 1:
        return OID + text
    if len(text) in (32, 36):
        try:
            return UUID_ + str(UUID(text))
        except ValueError:
            return None
    return None


class Context:
    """One message's conversion: makes entries, each with a fullUrl that depends on the message only."""

    __slots__ = (
        "_base",
        "_fields",
        "_made",
        "_referred",
        "_separator",
        "actions",
        "derived",
        "drafts",
        "identity",
        "memory",
        "notes",
        "occurred",
        "read",
        "sender",
        "sender_memory",
        "standard",
        "trace",
    )

    def __init__(
        self, sender: Sender, *, identity: str, delimiters: Delimiters, occurred: str, trace: Trace | None = None
    ) -> None:
        self.sender = sender
        self.trace = trace
        self._separator = delimiters.field
        self.standard = delimiters == STANDARD
        """Whether the message has the usual delimiters, so that equal texts mean equal values."""
        self.occurred = occurred
        self.actions: list[Action] = []
        self.derived: dict[str, int] = {}
        """How often a derived key occurred in the message."""
        self.memory: dict[Hashable, Any] = {}
        self.sender_memory = sender.memory if self.standard else self.memory
        self.read: dict[int, int] = {}
        """Fields that maps took something from, as bits, by the segment's place."""
        self.drafts: list[Draft] = []
        self._made = 0
        self.notes: list[Note] = []
        self.identity = identity
        self._base = stable_uuid(identity)[:24]
        self._fields: dict[int, int] = {}
        self._referred: dict[tuple[str, str], Draft] = {}

    @property
    def zone(self) -> tzinfo:
        return self.sender.zone

    def fields(self, segment: Segment) -> int:
        """Return which fields of a segment hold text, as bits; bit 0, which is no field, is always set."""
        found = self._fields.get(segment.place)
        if found is None:
            found = 0
            for number, text in enumerate(segment.er7.split(self._separator)):
                if text:
                    found |= 1 << number
            if segment.name == "MSH":
                # Its first field is the separator itself.
                found = found << 1 | 0b11
            self._fields[segment.place] = found
        return found

    def draft(self, type_: str, intent: Intent = "upsert") -> Draft:
        """Return a new entry of a type."""
        # Not by the length of the list: functions take entries out again.
        draft = Draft(type_, f"urn:uuid:{self._base}{self._made:012x}", intent, {"resourceType": type_})
        self._made += 1
        self.drafts.append(draft)
        return draft

    def refer(self, resource: Resource, key: str, *, display: str | None = None) -> Resource:
        """Return a Reference to a thin resource that the message names in passing; one entry for each key.

        Shape: resource has `resourceType` and `identifier`; elements of a second mention fill what is missing
        """
        type_ = resource["resourceType"]
        draft = self._referred.get((type_, key))
        if draft is not None and contradicts(draft.resource, resource):
            # One number for two names: whose it is, is not for us to say; the second is known by both.
            self.note(type_, "two of different names have the same identifier; the second is kept without it")
            identifier = derived_identifier(type_, key, title(resource))
            resource, key = {**resource, "identifier": [identifier]}, key_of(identifier)
            draft = self._referred.get((type_, key))
        if draft is None:
            draft = self._referred[type_, key] = self.draft(type_, "reference")
            draft.key, draft.resource = key, resource
        else:
            draft.resource = {**resource, **draft.resource}
        return {"reference": draft.full_url, "display": display} if display else {"reference": draft.full_url}

    def note(self, place: str, text: str) -> None:
        self.notes.append(Note(place, text))


def contradicts(known: Resource, other: Resource) -> bool:
    """Return whether two thin resources have different names; one without a name fits any."""
    first, second = title(known), title(other)
    return bool(first and second) and first != second


def title(resource: Resource) -> str:
    """Return what tells a person or an organization from others of its number: family name, or name."""
    name = resource.get("name", "")
    if isinstance(name, list):
        name = name[0].get("family") or name[0].get("text", "")
    return str(name).casefold()


def stable_uuid(*parts: str) -> str:
    """Return a UUID in text that depends on the parts only (version 5 in form)."""
    digest = hashlib.sha1("\x1f".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def derived_identifier(*parts: str) -> Resource:
    """Return an identifier made from facts of the message, for what its sender gives no identifier."""
    return {"system": URI_SYSTEM, "value": UUID_ + stable_uuid(*parts)}


ESCAPED = str.maketrans({"\\": "\\\\", "|": "\\|", ",": "\\,", "$": "\\$"})


@lru_cache(maxsize=8192)
def identifier_key(system: str | None, value: str) -> str:
    """Return search criteria that find the resource with an identifier, percent-encoded as in a URL.

    Shape: ("urn:oid:1.2", "A 1") -> "identifier=urn:oid:1.2|A%201"
    """
    return f"identifier={quote(system or '', safe=':/.-_')}|{quote(value.translate(ESCAPED), safe=':/.-_')}"


def key_of(identifier: Resource) -> str:
    """Return the search criteria of an Identifier."""
    return identifier_key(identifier.get("system"), identifier["value"])
