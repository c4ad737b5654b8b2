"""What a message tells of: a resource, what happened to it, the resources around it, and the receiver.

Spec: https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from hl7_bridge.outbound.partner import Partner

Resource: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Collection[str]], Awaitable[Mapping[str, Resource]]]
"""Takes references ("Patient/1"), returns those resources that exist, by reference (as `ports.Lookup.read` does)."""

Event: TypeAlias = Literal["create", "update", "delete"]

DEPTH: Final = 3
"""How far references are followed: report → result → member → performer."""


@dataclass(frozen=True, slots=True)
class Known:
    """Resources by reference ("Patient/1")."""

    resources: Mapping[str, Resource]

    def get(self, reference: Any, within: Resource | None = None) -> Resource | None:
        """Return what a Reference refers to, contained in `within` or known; None when it is not known."""
        target = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(target, str):
            return None
        if target.startswith("#"):
            contained = (within or {}).get("contained", ())
            return next((one for one in contained if one.get("id") == target[1:]), None)
        return self.resources.get(target) or self.resources.get(_relative(target))

    def every(self, references: Any, within: Resource | None = None) -> list[Resource]:
        """Return those of several References that are known."""
        return [found for one in references or () if (found := self.get(one, within))]


@dataclass(frozen=True, slots=True)
class Setting:
    """A resource, what happened to it and when (a FHIR instant), the resources around it, the receiver."""

    resource: Resource
    event: Event
    occurred: str
    known: Known
    partner: Partner

    def about(self, resource: Resource) -> "Setting":
        """Return the same setting seen from another resource, whose contained resources its references may mean."""
        return replace(self, resource=resource)

    def get(self, reference: Any) -> Resource | None:
        """Return what a Reference of the resource refers to, when it is known."""
        return self.known.get(reference, self.resource)

    def every(self, references: Any) -> list[Resource]:
        """Return those of several References that are known."""
        return self.known.every(references, self.resource)


async def gather(resource: Resource, read: Read, depth: int = DEPTH) -> Known:
    """Return what a resource refers to, and what that refers to in turn, `depth` steps far."""
    known: dict[str, Resource] = {}
    edge = [resource]
    for _ in range(depth):
        wanted = {reference for one in edge for reference in references(one)} - known.keys()
        if not wanted:
            break
        found = await read(sorted(wanted))
        edge = list(found.values())
        known.update(found)
    return Known(known)


def references(value: Any) -> Iterator[str]:
    """Yield the relative references ("Patient/1") within a resource."""
    if isinstance(value, dict):
        target = value.get("reference")
        if isinstance(target, str) and not target.startswith(("#", "urn:")):
            yield _relative(target)
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def _relative(target: str) -> str:
    """Return type and id of a reference that may be a URL or name a version."""
    parts = target.partition("/_history/")[0].split("/")
    return "/".join(parts[-2:])
