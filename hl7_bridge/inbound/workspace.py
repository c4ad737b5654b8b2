"""The resources that one message is about: as they are stored, and as they are to become.

All that a message does (joining, creating, merging) changes this; at its end one transaction says the difference.
Spec: https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/http.html#concurrency
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hl7_bridge.inbound.join import same
from hl7_bridge.ports import Claim, Resource


@dataclass(frozen=True, slots=True)
class New:
    """A resource that is not stored yet.

    Shape: `criteria` find it once it is stored (None: nobody looks for it); `id` is the id it is to have, None where
           the store gives it
    """

    resource: Resource
    full_url: str
    criteria: str | None
    id: str | None


class Workspace:
    """What is to be stored by one transaction; `claims` are what it takes beside."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self._stored: dict[str, Resource] = {}
        self._now: dict[str, Resource] = {}
        self._new: dict[str, New] = {}
        self._removed: set[str] = set()

    def meet(self, stored: Resource) -> str:
        """Take in a resource as it is stored, unless it is here already; return its reference."""
        reference = f"{stored['resourceType']}/{stored['id']}"
        if reference not in self._stored:
            self._stored[reference] = self._now[reference] = stored
        return reference

    def create(self, reference: str, new: New) -> None:
        """Add a resource that is not stored yet, under the reference by which others will name it."""
        self._new[reference] = new
        self._now[reference] = new.resource

    def __contains__(self, reference: str) -> bool:
        return reference in self._now

    def __getitem__(self, reference: str) -> Resource:
        """The resource as it is to become."""
        return self._now[reference]

    def stored(self, reference: str) -> Resource:
        """Return a resource as it is stored."""
        return self._stored[reference]

    def put(self, reference: str, resource: Resource) -> None:
        """Say what a resource that is here is to become."""
        stored = self._stored.get(reference)
        # Compared here, once: what says the same as before is the same object from now on.
        self._now[reference] = resource if stored is None or not same(stored, resource) else stored

    def remove(self, reference: str) -> None:
        """Say that a stored resource is to be deleted."""
        self._removed.add(reference)

    def keep(self, reference: str) -> None:
        """Leave a stored resource as it is, whatever was said before."""
        self._now[reference] = self._stored[reference]
        self._removed.discard(reference)

    def is_new(self, reference: str) -> bool:
        return reference in self._new

    def references(self) -> list[str]:
        """Return the references of all that is here."""
        return list(self._now)

    def changed(self) -> list[str]:
        """Return the references of stored resources that are to become something else."""
        return [one for one, stored in self._stored.items() if one in self._removed or self._now[one] is not stored]

    def entries(self) -> list[Resource]:
        """Return the entries of the transaction; none for what stays as it is."""
        changed = [self._change(reference) for reference in self.changed()]
        created = [_creation(new, self._now[reference]) for reference, new in self._new.items()]
        return changed + created

    def _change(self, reference: str) -> Resource:
        condition = _if_match(self._stored[reference])
        if reference in self._removed:
            return {"request": {"method": "DELETE", "url": reference, **condition}}
        request = {"method": "PUT", "url": reference, **condition}
        return {"fullUrl": f"urn:bridge:{reference}", "resource": self._now[reference], "request": request}


def _if_match(stored: Resource) -> Mapping[str, str]:
    version = stored.get("meta", {}).get("versionId")
    return {} if version is None else {"ifMatch": f'W/"{version}"'}


def _creation(new: New, resource: Resource) -> Resource:
    type_ = resource["resourceType"]
    if new.id is not None:
        # Two writers who make the same thing choose the same id: the second one hears of it, and looks again.
        request: dict[str, Any] = {"method": "PUT", "url": f"{type_}/{new.id}", "ifNoneMatch": "*"}
        return {"fullUrl": new.full_url, "resource": {**resource, "id": new.id}, "request": request}
    request = {"method": "POST", "url": type_}
    if new.criteria is not None:
        request["ifNoneExist"] = new.criteria
    return {"fullUrl": new.full_url, "resource": resource, "request": request}
