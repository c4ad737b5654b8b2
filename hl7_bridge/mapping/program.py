"""All maps that apply to one sender and version, compiled: from the trigger to the groups, sections and roles.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hl7_bridge.functions import FUNCTIONS
from hl7_bridge.mapping.errors import MapError
from hl7_bridge.mapping.groups import Group, compile_group
from hl7_bridge.mapping.layers import Layer, join, joined
from hl7_bridge.mapping.roles import Role, compile_role
from hl7_bridge.mapping.rules import Parts
from hl7_bridge.mapping.sections import Section, compile_section
from hl7_bridge.mapping.tables import Table, compile_tables


@dataclass(frozen=True, slots=True)
class Program:
    """What is known about messages; `sections` by segment and role."""

    messages: Mapping[str, Group]
    triggers: Mapping[str, str]
    sections: Mapping[tuple[str, str], Section]
    roles: Mapping[str, Role]
    tables: Mapping[str, Table]
    systems: Mapping[str, str]
    authorities: Mapping[str, str]

    requires: Mapping[str, tuple[str, ...]]

    def grammar(self, type_: str, trigger: str, structure: str) -> str | None:
        """Return the name of a message's grammar: by its trigger, else by its structure; None when it has none."""
        name = self.triggers.get(f"{type_}^{trigger}") or self.triggers.get(f"{type_}^*") or structure
        return name if name in self.messages else None


def compile_program(layers: Sequence[Layer]) -> Program:
    """Return the program of the layers.

    Errors: MapError naming what is wrong in a map
    """
    whole = join(layers)
    tables = compile_tables(whole["tables"])
    messages = {name: compile_group(name, one, whole["fragments"]) for name, one in whole["messages"].items()}
    parts = Parts(tables, FUNCTIONS)
    sections = {
        (segment, role): compile_section(segment, role, one, parts)
        for segment, roles in whole["segments"].items()
        for role, one in in_roles(segment, roles)
    }
    used = {
        role
        for group in messages.values()
        for one in group.every()
        for roles in one.segments.values()
        for role in roles
    }
    roles = {name: compile_role(name, whole["roles"].get(name, {}), FUNCTIONS) for name in used | set(whole["roles"])}
    check(messages, sections)
    return Program(
        MappingProxyType(messages),
        MappingProxyType(triggers_of(whole["messages"])),
        MappingProxyType(with_variants(sections, messages)),
        MappingProxyType(roles),
        MappingProxyType(tables),
        MappingProxyType({str(name): str(uri) for name, uri in whole["systems"].items()}),
        MappingProxyType({str(name): str(uri) for name, uri in whole["authorities"].items()}),
        MappingProxyType({name: tuple(one.get("requires", ())) for name, one in whole["messages"].items()}),
    )


def in_roles(segment: str, described: Any) -> list[tuple[str, Any]]:
    """Return what a segment gives each role; `use: Observation` in front of a variant's own rules takes over others."""
    if not isinstance(described, Mapping):
        raise MapError(f"segments.{segment}", "is not an object of roles")
    return [(str(role), inherited(segment, described, one)) for role, one in described.items()]


def inherited(segment: str, roles: Mapping[str, Any], described: Any) -> Any:
    if not isinstance(described, Mapping) or "use" not in described:
        return described
    if described["use"] not in roles:
        raise MapError(f"segments.{segment}", f"there is no {described['use']!r} to use")
    return joined(
        inherited(segment, roles, roles[described["use"]]),
        {k: v for k, v in described.items() if k != "use"},
        "segments",
    )


def triggers_of(messages: Mapping[str, Any]) -> dict[str, str]:
    return {str(trigger): name for name, one in messages.items() for trigger in one.get("triggers", ())}


def check(messages: Mapping[str, Group], sections: Mapping[tuple[str, str], Section]) -> None:
    """Errors: MapError when a message gives a segment a role that no section describes."""
    for name, root in messages.items():
        for group in root.every():
            for segment, roles in group.segments.items():
                for role in roles:
                    if (segment, role) not in sections and (segment, role.split("#")[0]) not in sections:
                        raise MapError(f"messages.{name}.{group.name}", f"nothing says what {segment} gives a {role}")


def with_variants(
    sections: Mapping[tuple[str, str], Section], messages: Mapping[str, Group]
) -> dict[tuple[str, str], Section]:
    """Return the sections, also under the variants (`Patient#prior`) that have none of their own."""
    found = dict(sections)
    for root in messages.values():
        for group in root.every():
            for segment, roles in group.segments.items():
                for role in roles:
                    found.setdefault((segment, role), sections.get((segment, role.split("#")[0])))  # type: ignore[arg-type]
    return found
