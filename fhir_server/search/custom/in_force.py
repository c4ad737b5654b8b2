"""All SearchParameter resources of users → the parameters in force, and what a change of one of them alters.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from conformance.definitions import Definitions
from fhir_server.kernel.types import Alteration, Resource
from fhir_server.search.custom.definition import Unusable, defined, is_asked_for, reference
from fhir_server.search.registry import Parameter, Registry

_DECISIVE = ("url", "code", "base", "type", "expression", "target", "component")


@dataclass(frozen=True, slots=True)
class InForce:
    """Shape: `registry` has R4's own parameters too; `sources` are the references of the resources that define the
    others; `refused` tells by reference why a resource defines none
    """

    registry: Registry
    sources: frozenset[str]
    refused: Mapping[str, Unusable]

    @property
    def pending(self) -> tuple[Parameter, ...]:
        """The parameters with which not all stored resources are indexed yet."""
        return tuple(one for codes in self.registry.values() for one in codes.values() if not one.complete)

    def indexed_names(self, type_: str) -> list[str]:
        """Return the names of all parameters of users with which the resources of a type are indexed from now on."""
        return [indexed_name(one) for one in self.registry[type_].values() if one.source is not None]

    def of(self, source: str) -> Mapping[str, Parameter]:
        """Return the parameters that a resource ("SearchParameter/a") defines, by type."""
        found = ((type_, one) for type_, codes in self.registry.items() for one in codes.values())
        return {type_: one for type_, one in found if one.source == source}


def in_force(
    resources: Iterable[Resource], indexed: Collection[str], own: Registry, definitions: Definitions
) -> InForce:
    """Return what is in force when these resources are stored.

    Every process must come to the same result: of two that claim one name, the first id has it.

    Shape: `indexed` are "Patient.<stored name>" for each parameter with which all resources of its type are indexed
    """
    asked_for = sorted(
        (one for one in resources if is_asked_for(one, definitions)),
        key=lambda one: (one["type"] == "composite", one["id"]),  # a composite may be made of the others
    )
    registry: Registry = own
    sources: set[str] = set()
    refused: dict[str, Unusable] = {}
    for resource in asked_for:
        try:
            found = defined(resource, registry, definitions)
        except Unusable as error:
            refused[reference(resource)] = error
            continue
        sources.add(reference(resource))
        ready = {type_: replace(one, complete=indexed_name(one) in indexed) for type_, one in found.items()}
        registry = {**registry, **{type_: {**registry[type_], one.code: one} for type_, one in ready.items()}}
    return InForce(registry, frozenset(sources), refused)


def indexed_name(parameter: Parameter) -> str:
    """Return how the list of what is indexed names a parameter: "Patient.nickname~0a1b2c3d4e"."""
    return f"{parameter.type}.{parameter.field.code}"


def alteration(
    before: Resource | None, after: Resource | None, now: InForce, definitions: Definitions, *, generation: int
) -> Alteration | None:
    """Return what storing `after` in the place of `before` alters in the rules; None when they stay as they are.

    Shape:  both are SearchParameters with their id; None for one that is not there
    Errors: Unusable when `after` is to be a parameter and cannot be one
    """
    old = {} if before is None else now.of(reference(before))
    new: Mapping[str, Parameter] = {}
    if after is not None and is_asked_for(after, definitions):
        new = defined(after, now.registry, definitions)
    if (not old and not new) or (old and new and _decisive(before) == _decisive(after)):
        return None
    names = {indexed_name(one) for one in old.values()}, {indexed_name(one) for one in new.values()}
    types = {name.partition(".")[0] for name in names[0] ^ names[1]}
    return Alteration(generation, types=frozenset(types), dropped=frozenset(names[0] - names[1]))


def _decisive(resource: Resource | None) -> list[object]:
    return [(resource or {}).get(name) for name in _DECISIVE]
