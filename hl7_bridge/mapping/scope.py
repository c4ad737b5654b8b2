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

    __slots__ = ("_nearest", "_roles", "children", "drafts", "group", "message", "parent", "segments")

    def __init__(self, group: Group, message: Message, parent: Scope | None) -> None:
        self.group = group
        self.message = message
        self.parent = parent
        self.segments: list[Segment] = []
        self.children: list[Scope] = []
        self.drafts: dict[str, Draft] = {}
        self._roles: dict[str, list[tuple[Scope, Draft]]] = {} if parent is None else parent._roles
        """All entries of the message by role, in message order; shared by its scopes."""
        self._nearest: dict[tuple[int, str, str], Draft | None] = {} if parent is None else parent._nearest
        """What scopes of a group find, by the scope around them: results of an order share its patient; shared too."""

    def release(self) -> None:
        """Let go of what leads back: freed at once, scopes cost the collector of cycles nothing (it took a third)."""
        for scope in list(self.inwards()):
            scope.parent = None
        self._roles.clear()

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
        self._roles.setdefault(role, []).append((self, draft))
        self._nearest.clear()

    def find(self, role: str) -> Draft | None:
        """Return the nearest entry of a role: of this scope or one around it, else the first one beside those.

        What lies in another instance of a group that this scope is in is none of its business: the specimen of the
        second order is not that of the first one's results.
        """
        known = self._roles.get(role)
        if known is None:
            return None
        if self.children or self.parent is None or role in self.drafts:
            return self._search(role, known)
        key = (id(self.parent), self.group.name, role)
        if key not in self._nearest:
            self._nearest[key] = self._search(role, known)
        return self._nearest[key]

    def _search(self, role: str, known: list[tuple[Scope, Draft]]) -> Draft | None:
        for scope in self.outwards():
            if (draft := scope.drafts.get(role)) is not None:
                return draft
        inner = None
        for scope in self.outwards():
            for other, draft in known:
                branch = other.below(scope)
                if branch is not None and (inner is None or branch.group is not inner.group):
                    return draft
            inner = scope
        return known[0][1] if role in ALONE and len(known) == 1 else None

    def every(self, role: str) -> Iterator[Draft]:
        """Yield the entries of a role in this scope and within it."""
        for other, draft in self._roles.get(role, ()):
            if other is self or other.below(self) is not None:
                yield draft

    def below(self, outer: Scope) -> Scope | None:
        """Return the child of an outer scope in which this one lies; None when it does not lie in it."""
        scope: Scope = self
        while scope.parent is not None:
            if scope.parent is outer:
                return scope
            scope = scope.parent
        return None
