"""What one segment gives one resource: the rules of a map, and the fields that it knowingly leaves out.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.conditions import Condition, compile_condition
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.rules import Parts, Rule, Run, bits, compile_rule
from hl7_bridge.mapping.scope import Scope


@dataclass(frozen=True, slots=True)
class Section:
    """The rules from a segment to a role; `ignores` are fields without meaning for FHIR (set ids, delimiters)."""

    segment: str
    role: str
    rules: tuple[Rule, ...]
    steps: tuple[tuple[int, Run], ...]
    """The rules, each with the bit of the field without which it does nothing; bit 0 is always there."""
    outer: tuple[Run, ...]
    """Those that read nothing of the segment itself; they are not among the steps."""
    outer_roles: frozenset[str]
    """What these refer to."""
    when: Condition | None
    ignores: int

    def applies(self, segment: Segment, scope: Scope) -> bool:
        """Return whether the segment makes such a resource at all."""
        return self.when is None or self.when(segment, scope)

    def run(self, segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
        """Apply the rules in their order, and note which fields gave something."""
        read = self.ignores
        if context.trace is not None:
            read |= context.trace.run(self.rules, self.role, segment, draft, scope, context)
            context.read[segment.place] = context.read.get(segment.place, 0) | read
            return
        if self.outer:
            self.put_outer(segment, draft, scope, context)
        present = context.fields(segment)
        for needed, run in self.steps:
            # Most rules read a field that is not there: asking first halves the time of a segment.
            if needed & present:
                read |= run(segment, draft, scope, context)
        context.read[segment.place] = context.read.get(segment.place, 0) | read

    def put_outer(self, segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
        """Apply the outer rules: once for all instances of a group within the same one, such as results of an order."""
        if scope.children or not scope.group.roles.isdisjoint(self.outer_roles):
            for run in self.outer:
                run(segment, draft, scope, context)
            return
        key = (id(self), id(scope.parent), id(scope.group))
        made: Draft | None = context.memory.get(key)
        if made is None:
            made = context.memory[key] = Draft(draft.type, "")
            for run in self.outer:
                run(segment, made, scope, context)
        draft.resource.update(made.resource)
        draft.clears |= made.clears


def compile_section(segment: str, role: str, described: Any, parts: Parts) -> Section:
    """Return the section that a map describes: a list of rules, or an object with rules, ignores and when.

    Errors: MapError naming the place in the map
    """
    where = f"segments.{segment}.{role}"
    rules, ignores, condition = split(described, where)
    compiled = tuple(compile_rule(rule, parts, f"{where}[{number}]") for number, rule in enumerate(rules))
    when, places = compile_condition(condition, where) if condition is not None else (None, frozenset())
    mask = bits(places)
    for field in ignores:
        if not isinstance(field, int):
            raise MapError(where, f"ignores {field!r}, which is no field number")
        mask |= 1 << field
    outer = outer_rules(compiled)
    steps = tuple((rule.needed, rule.run) for rule in compiled if rule not in outer)
    roles = frozenset(rule.refers for rule in outer if rule.refers)
    return Section(segment, role, compiled, steps, tuple(rule.run for rule in outer), roles, when, mask)


def outer_rules(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that can go first, whatever the segment holds: no other rule before them has their target."""
    found: list[Rule] = []
    inner: set[str] = set()
    for rule in rules:
        name = rule.target.rstrip("*")
        if rule.outer and name not in inner and "." not in name:
            found.append(rule)
        else:
            inner.add(name)
    return found


def split(described: Any, where: str) -> tuple[Sequence[Any], Sequence[Any], Any]:
    if isinstance(described, list):
        return described, (), None
    if not isinstance(described, Mapping) or not isinstance(described.get("rules", []), list):
        raise MapError(where, "is neither a list of rules nor an object with rules")
    if unknown := set(described) - {"rules", "ignores", "when"}:
        raise MapError(where, f"has unknown parts: {', '.join(sorted(map(str, unknown)))}")
    return described.get("rules", []), described.get("ignores", ()), described.get("when")
