"""What is stored of a resource so that searches find it: the values of all its search parameters.

Each type's expressions are compiled once, when its first resource comes.
Spec: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/searchparameter.html#expression
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, TypeAlias

from conformance.definitions import Definitions
from conformance.paths import Extractor, compile, compile_composite
from fhir_server.kernel.layout import INDEX, UNSEARCHED
from fhir_server.kernel.types import Resource
from fhir_server.resources.compartments import memberships, own_compartment
from fhir_server.resources.unsearched import unsearched_in, unsearched_references
from fhir_server.search import contained
from fhir_server.search.kinds import KINDS
from fhir_server.search.kinds.composite import combinations
from fhir_server.search.kinds.kind import Extract
from fhir_server.search.registry import Parameter, Registry, registry


@dataclass(frozen=True, slots=True)
class Indexed:
    """Shape: `index` lies under the document's index field; compartments are "Patient/a", security "system|code"."""

    index: dict[str, Any]
    compartments: tuple[str, ...]
    security: tuple[str, ...]


_Store: TypeAlias = Callable[[Resource, dict[str, Any]], None]
"""Puts what one parameter finds in a resource into an index."""


_Rooted: TypeAlias = tuple[frozenset[str] | None, _Store]
"""The properties of which a resource must have one for the parameter to find something; None for any resource."""

_SHAPES = 512
"""Sets of properties for which the parameters that can find something are remembered, by type."""


@dataclass(slots=True)
class _Plan:
    """What one type's parameters store; and where the references lie that make it a member, and how those start."""

    stores: tuple[_Rooted, ...]
    members: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    shapes: dict[frozenset[str], tuple[_Store, ...]] = field(default_factory=dict)

    def of_shape(self, names: frozenset[str]) -> tuple[_Store, ...]:
        """Return the stores that can find something in a resource with these properties: a quarter of all."""
        stores = tuple(store for roots, store in self.stores if roots is None or not roots.isdisjoint(names))
        if len(self.shapes) >= _SHAPES:
            self.shapes.clear()
        self.shapes[names] = stores
        return stores


class Indexer:
    """Computes indexes; `zone` is for dates that name none."""

    def __init__(self, definitions: Definitions, parameters: Registry | None = None, *, zone: tzinfo = UTC) -> None:
        self._definitions = definitions
        self._parameters = parameters or registry(definitions)
        self._zone = zone
        self._plans: dict[str, _Plan] = {}

    def index(self, resource: Resource) -> Indexed:
        """Return what is stored for a valid resource that has its id."""
        type_ = resource["resourceType"]
        plan = self._plans.get(type_) or self._compile(type_)
        index = _values(plan, resource)
        if "contained" in resource:
            index[contained.FOLDER] = contained.elements(resource, index, self._index_of_contained)
        compartments = dict.fromkeys(own_compartment(self._definitions, resource))
        for steps, starts in plan.members:
            found = _at(index, steps)
            for link in (found,) if type(found) is str else found or ():
                if link.startswith(starts):
                    compartments[link] = None
        labels = resource["meta"].get("security") if "meta" in resource else None
        security = tuple(f"{label.get('system', '')}|{label.get('code', '')}" for label in labels) if labels else ()
        return Indexed(index, tuple(compartments), security)

    def _index_of_contained(self, resource: Resource) -> dict[str, Any]:
        type_ = resource["resourceType"]
        return _values(self._plans.get(type_) or self._compile(type_), resource)

    def _compile(self, type_: str) -> _Plan:
        parameters = self._parameters[type_]
        stores = tuple(
            (one.roots(self._definitions), self._store(type_, one)) for one in parameters.values() if one.is_stored
        )
        unsearched = unsearched_in(self._definitions, type_)
        stores += ((unsearched, _store_unsearched(unsearched)),)
        members = tuple(
            (_steps(parameters[code].field.path), starts)
            for code, starts in memberships(self._definitions, type_).items()
            if code in parameters
        )
        self._plans[type_] = plan = _Plan(stores, members)
        return plan

    def _store(self, type_: str, parameter: Parameter) -> _Store:
        if parameter.parts:
            return self._store_composite(type_, parameter)
        assert parameter.definition.expression is not None
        values = compile(parameter.definition.expression, type_, self._definitions, types=parameter.types)
        where = parameter.field
        main, *variants = [
            (extract, _steps((where.variant(name) if name else where).path))
            for name, extract in KINDS[parameter.kind].extract.items()
        ]
        store = _store_one if where.single else _store_all
        return store(values, main, variants, self._zone)

    def _store_composite(self, type_: str, parameter: Parameter) -> _Store:
        definition = parameter.definition
        assert definition.expression is not None
        kinds = [KINDS[part.kind] for part in parameter.parts]
        expressions = [component.expression for component in definition.components]
        compose = compile_composite(definition.expression, expressions, type_, self._definitions)
        steps, zone = _steps(parameter.field.path), self._zone

        def store(resource: Resource, index: dict[str, Any]) -> None:
            if elements := compose(resource):
                _put(index, steps, [one for element in elements for one in combinations(element, kinds, zone)])

        return store


def _values(plan: _Plan, resource: Resource) -> dict[str, Any]:
    """Return what the parameters of its type find in a resource."""
    index: dict[str, Any] = {}
    shape = frozenset(resource)
    for store in plan.shapes.get(shape) or plan.of_shape(shape):
        store(resource, index)
    return index


_Variant: TypeAlias = tuple[Extract, tuple[str, ...]]


def _store_all(values: Extractor, main: _Variant, variants: Sequence[_Variant], zone: tzinfo) -> _Store:
    extract, steps = main
    if not variants:

        def store_plain(resource: Resource, index: dict[str, Any]) -> None:
            if found := values(resource):
                _put(index, steps, extract(found, zone))

        return store_plain

    def store(resource: Resource, index: dict[str, Any]) -> None:
        if found := values(resource):
            # Also when nothing can be searched for, as in a reference with a display alone: it is not missing.
            _put(index, steps, extract(found, zone))
            for vary, beside in variants:
                if varied := vary(found, zone):
                    _put(index, beside, varied)

    return store


def _store_one(values: Extractor, main: _Variant, variants: Sequence[_Variant], zone: tzinfo) -> _Store:
    extract, steps = main

    def store(resource: Resource, index: dict[str, Any]) -> None:
        if found := values(resource):
            atoms = extract(found, zone)
            _put(index, steps, atoms[0] if atoms else None)
            for vary, beside in variants:
                if varied := vary(found, zone):
                    _put(index, beside, varied)

    return store


def _store_unsearched(properties: frozenset[str]) -> _Store:
    steps = _steps(UNSEARCHED)

    def store(resource: Resource, index: dict[str, Any]) -> None:
        if found := unsearched_references(resource, properties):
            _put(index, steps, found)

    return store


def _steps(path: str) -> tuple[str, ...]:
    """Return the names below the index: "index.rare.status" -> ("rare", "status")."""
    return tuple(path.removeprefix(f"{INDEX}.").split(".", 1))


def _put(index: dict[str, Any], steps: tuple[str, ...], value: Any) -> None:
    if len(steps) == 1:
        index[steps[0]] = value
    elif (folder := index.get(steps[0])) is not None:
        folder[steps[1]] = value
    else:
        index[steps[0]] = {steps[1]: value}


def _at(index: dict[str, Any], steps: tuple[str, ...]) -> Any:
    if len(steps) == 1:
        return index.get(steps[0])
    folder = index.get(steps[0])
    return folder and folder.get(steps[1])
