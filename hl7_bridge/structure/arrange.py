"""Segments into the groups of their grammar, also of messages that leave out or misplace some.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message structure)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from hl7_bridge.er7 import Message, Segment
from hl7_bridge.structure.grammar import ANY, Part, grammar_of

Way: TypeAlias = Literal["first", "optional", "any"]
"""How a segment may begin a group: as its first part, after optional parts that are absent, after any."""

WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(slots=True)
class Group:
    """One occurrence of a group, or the whole message; `items` as they came, each with its number in `part.parts`."""

    part: Part
    items: list[tuple[int, "Segment | Group"]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The group's name, without that of the message: "ORDER_OBSERVATION"."""
        return self.part.name

    @property
    def last(self) -> int:
        """The number of the part that was filled last."""
        return self.items[-1][0] if self.items else 0

    def count(self, number: int) -> int:
        """Return how often a part occurs."""
        return sum(1 for at, _ in self.items if at == number)

    def segments(self, name: str) -> list[Segment]:
        """Return the segments of a name that are in this group itself."""
        return [item for _, item in self.items if isinstance(item, Segment) and item.name == name]

    def groups(self, name: str) -> list["Group"]:
        """Return the groups of a name that are in this group itself."""
        return [item for _, item in self.items if isinstance(item, Group) and item.name == name]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A message in its groups; `unexpected` are segments that its grammar has no place for, but Z segments."""

    root: Group
    unexpected: tuple[Segment, ...]


def arrange(message: Message) -> Arrangement | None:
    """Return a message in the groups of its grammar; None when there is none for it."""
    grammar = grammar_of(message)
    if grammar is None:
        return None
    root = Group(grammar)
    stack = [root]
    homeless = [segment for segment in message.segments if not _place(segment, stack)]
    return Arrangement(root, tuple(segment for segment in homeless if not segment.name.startswith("Z")))


def _place(segment: Segment, stack: list[Group]) -> bool:
    """Put a segment where it fits best.

    A way into a group by its first segment goes before one that leaves out optional ones, else the second ORC of an OML
    would begin the prior results of the first order; one that leaves out required segments comes last.
    """
    for way in WAYS:
        for depth in range(len(stack) - 1, -1, -1):
            path = _onward(stack[depth], segment.name, way)
            if path:
                del stack[depth + 1 :]
                _put(segment, stack, path)
                return True
    return False


def _put(segment: Segment, stack: list[Group], path: Sequence[int]) -> None:
    for number in path[:-1]:
        inner = Group(stack[-1].part.parts[number])
        stack[-1].items.append((number, inner))
        stack.append(inner)
    stack[-1].items.append((path[-1], segment))


def _onward(group: Group, name: str, way: Way) -> tuple[int, ...]:
    """Return the way from an open group to the next place for a segment; () when it has none."""
    parts = group.part.parts
    numbers = [group.last] if group.part.choice and group.items else range(group.last, len(parts))
    for number in numbers:
        part = parts[number]
        if not part.repeats and group.count(number):
            continue
        path = _into(part, number, name, way)
        if path:
            return path
    return ()


def _into(part: Part, number: int, name: str, way: Way) -> tuple[int, ...]:
    if not part.parts:
        return (number,) if part.name == name or (way == "any" and part.name == ANY) else ()
    for inner, child in enumerate(part.parts):
        path = _into(child, inner, name, way)
        if path:
            return (number, *path)
        if not part.choice and (way == "first" or (way == "optional" and child.least and not _may_be_empty(child))):
            return ()
    return ()


def _may_be_empty(part: Part) -> bool:
    """Whether a group that must occur may hold nothing, since all of its parts may be absent."""
    return bool(part.parts) and all(not child.least or _may_be_empty(child) for child in part.parts)


def every_group(root: Group) -> Iterator[Group]:
    """Yield a group and all in it, outer before inner."""
    yield root
    for _, item in root.items:
        if isinstance(item, Group):
            yield from every_group(item)
