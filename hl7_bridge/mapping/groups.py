"""Grouping of segments by anchors: tolerant, so that messages that break the grammar still fall into place.

A segment goes to the innermost open group that knows it; one that starts a group opens a new instance of it.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, abstract message syntax)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hl7_bridge.er7 import Message, Segment
from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.scope import Scope


@dataclass(frozen=True, slots=True)
class Group:
    """A group of segments: which ones start it, which roles each segment fills, what lies within it."""

    name: str
    starts: tuple[str, ...]
    segments: Mapping[str, tuple[str, ...]]
    groups: tuple[Group, ...]
    carries: frozenset[str] = frozenset()
    """Segments of one instance that hold for the next one too, when that does not bring its own."""
    roles: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", frozenset(role for roles in self.segments.values() for role in roles))

    def started_by(self, name: str) -> Group | None:
        """Return the inner group that a segment starts."""
        return next((group for group in self.groups if name in group.starts), None)

    def path_to(self, name: str) -> tuple[Group, ...]:
        """Return the inner groups down to the nearest that a segment starts or belongs to; none when there is none."""
        level: list[tuple[Group, ...]] = [(group,) for group in self.groups]
        while level:
            for path in level:
                if name in path[-1].starts or name in path[-1].segments:
                    return path
            level = [(*path, group) for path in level for group in path[-1].groups]
        return ()

    def every(self) -> Iterator[Group]:
        """Yield this group and those within it."""
        yield self
        for group in self.groups:
            yield from group.every()


FOLLOWERS = frozenset({"PRT", "ROL"})
"""Segments that say who took part in what stands before them: they never reach out of the group that they stand in."""


def arrange(message: Message, root: Group) -> Scope:
    """Return the message's segments in the scopes of a grammar; segments that it does not know stay outside."""
    outermost = current = Scope(root, message, None)
    for segment in message.segments:
        found = scope_for(segment, current, outermost)
        if found is not None:
            found.segments.append(segment)
            current = found
    return outermost


def scope_for(segment: Segment, current: Scope, outermost: Scope) -> Scope | None:
    """Return the scope that a segment belongs to, opened when it is a new one."""
    name = segment.name
    if name in FOLLOWERS:
        return current if name in current.group.segments else None
    for scope in current.outwards():
        group = scope.group
        if name in group.starts:
            if joins(name, scope):
                return scope
        elif (inner := group.started_by(name)) is not None:
            return opened(scope, (inner,), name)
        elif name in group.segments:
            return scope
    path = outermost.group.path_to(name)
    return opened(outermost, path, name) if path else None


def joins(name: str, scope: Scope) -> bool:
    """Return whether a segment that can start a group joins the open one: another started it, and it is still bare."""
    return not scope.children and all(segment.name != name for segment in scope.segments)


def opened(scope: Scope, path: tuple[Group, ...], starter: str) -> Scope:
    """Return a new scope of the last group of a path; those before it are taken as they are, or opened empty."""
    for number, group in enumerate(path):
        last = number == len(path) - 1
        if not last and scope.children and scope.children[-1].group is group:
            scope = scope.children[-1]
            continue
        inner = Scope(group, scope.message, scope)
        if group.carries and starter not in group.carries and scope.children and scope.children[-1].group is group:
            inner.segments += [one for one in scope.children[-1].segments if one.name in group.carries]
        scope.children.append(inner)
        scope = inner
    return scope


def compile_group(name: str, described: Any, fragments: Mapping[str, Any]) -> Group:
    """Return the group that a map describes.

    Shape:  {starts: [ORC, OBR], segments: {OBR: [ServiceRequest, DiagnosticReport]}, groups: {name: group}, use:
            fragment or [fragments], whose segments and groups are taken over, carries: [ORC]}
    Errors: MapError naming the place in the map
    """
    where = f"groups.{name}"
    if not isinstance(described, Mapping):
        raise MapError(where, "is not an object")
    if unknown := set(described) - {"starts", "segments", "groups", "use", "triggers", "requires", "carries"}:
        raise MapError(where, f"has unknown parts: {', '.join(sorted(map(str, unknown)))}")
    whole = joined(described, fragments, where)
    segments = {str(segment): roles_of(roles) for segment, roles in whole["segments"].items()}
    inner = tuple(compile_group(str(key), group, fragments) for key, group in whole["groups"].items() if group)
    return Group(name, tuple(described.get("starts", ())), segments, inner, frozenset(described.get("carries", ())))


def roles_of(described: Any) -> tuple[str, ...]:
    return tuple(described) if isinstance(described, list) else (described,) if described else ()


def joined(described: Mapping[str, Any], fragments: Mapping[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return segments and groups of a group, with those of the fragments that it uses; its own win."""
    used = described.get("use", ())
    found: dict[str, dict[str, Any]] = {"segments": {}, "groups": {}}
    for name in [used] if isinstance(used, str) else used:
        if name not in fragments:
            raise MapError(where, f"there is no fragment {name!r}")
        inner = joined(fragments[name], fragments, f"fragments.{name}")
        found["segments"].update(inner["segments"])
        found["groups"].update(inner["groups"])
    found["segments"].update(described.get("segments") or {})
    found["groups"].update(described.get("groups") or {})
    return found
