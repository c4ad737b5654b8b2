"""A message's segments in groups: each group instance is a scope, with the entries that it makes.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, abstract message syntax)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hl7_bridge.er7 import Message, Segment
from hl7_bridge.mapping.context import Draft

if TYPE_CHECKING:
    from hl7_bridge.mapping.groups import Group


ALONE = frozenset({"Patient"})
"""Roles of which a message is about one, wherever its segments stand: PID after what belongs to it is still its PID."""


class Scope:
    """One instance of a group; the outermost one is the whole message."""

    __slots__ = ("_found", "_roles", "children", "drafts", "group", "message", "parent", "segments")

    def __init__(self, group: Group, message: Message, parent: Scope | None) -> None:
        self.group = group
        self.message = message
        self.parent = parent
        self.segments: list[Segment] = []
        self.children: list[Scope] = []
        self.drafts: dict[str, Draft] = {}
        self._roles: dict[str, list[Draft]] = {} if parent is None else parent._roles
        """All entries of the message by role, in message order; shared by its scopes."""
        self._found: dict[tuple[int, str, str], Draft | None] = {} if parent is None else parent._found
        """What scopes of a group find beside them, by the scope around them: a search for all of them; shared too."""

    def release(self) -> None:
        """Let go of what leads back: freed at once, scopes cost the collector of cycles nothing (it took a third)."""
        for scope in list(self.inwards()):
            scope.parent = None

    def outwards(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def inwards(self) -> Iterator[Scope]:
        """Yield this scope and those in it, in message order."""
        yield self
        for child in self.children:
            yield from child.inwards()

    def segment(self, name: str) -> Segment | None:
        """Return the nearest segment of a name: of this scope or of one around it."""
        for scope in self.outwards():
            for segment in scope.segments:
                if segment.name == name:
                    return segment
        return None

    def every_segment(self, name: str) -> list[Segment]:
        """Return the segments of a name in this scope and in those within it."""
        return [segment for scope in self.inwards() for segment in scope.segments if segment.name == name]

    def add(self, role: str, draft: Draft) -> None:
        """Make an entry that of a role in this scope."""
        self.drafts[role] = draft
        self._roles.setdefault(role, []).append(draft)
        self._found.clear()

    def find(self, role: str) -> Draft | None:
        """Return the nearest entry of a role: of this scope or one around it, else the first in it, or beside those.

        What lies in another instance of a group that this scope is in is none of its business: the specimen of the
        second order is not that of the first one's results.
        """
        known = self._roles.get(role)
        if known is None:
            return None
        scope: Scope | None = self
        while scope is not None:
            if (draft := scope.drafts.get(role)) is not None:
                return draft
            scope = scope.parent
        if self.parent is None:
            return known[0]
        found = next(self.every(role), None) if self.children else None
        return found or self._beside(role, known)

    def _beside(self, role: str, known: list[Draft]) -> Draft | None:
        """Return the first entry of a role in the groups beside this one, and beside those around it."""
        key = (id(self.parent), self.group.name, role)
        if key not in self._found:
            self._found[key] = self._search(role) or (known[0] if role in ALONE and len(known) == 1 else None)
        return self._found[key]

    def _search(self, role: str) -> Draft | None:
        inner = self
        while (outer := inner.parent) is not None:
            for child in outer.children:
                if child.group is not inner.group and (draft := next(child.every(role), None)) is not None:
                    return draft
            inner = outer
        return None

    def every(self, role: str) -> Iterator[Draft]:
        """Yield the entries of a role in this scope and within it."""
        for scope in self.inwards() if role in self._roles else ():
            if (draft := scope.drafts.get(role)) is not None:
                yield draft
