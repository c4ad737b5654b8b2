"""What FHIR R4 defines, as frozen values: types, search parameters, invariants, bindings, compartments, operations.

Spec: https://hl7.org/fhir/R4/resourcelist.html, https://hl7.org/fhir/R4/datatypes.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TypeKind = Literal["resource", "complex-type", "primitive-type", "backbone"]
SearchKind = Literal["number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"]
CodeSet = Mapping[str, frozenset[str]]
"""The codes of an expanded value set, by code system."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type.

    Shape: `name` as in the definition ("value[x]" keeps its [x]); `types` are FHIR type codes, where a backbone
           element's type is its own path ("Patient.contact") and a content reference is the path it refers to;
           `max` is None for "*"; `targets` are the resource types that a Reference may point to, empty for any;
           `value_set` is the url of a required binding; `constraints` are keys of `Definitions.invariants`.
    """

    name: str
    types: tuple[str, ...]
    min: int = 0
    max: int | None = 1
    summary: bool = False
    modifier: bool = False
    targets: tuple[str, ...] = ()
    value_set: str | None = None
    constraints: tuple[str, ...] = ()

    @property
    def is_choice(self) -> bool:
        """Whether the JSON property carries the type in its name: valueQuantity for value[x]."""
        return self.name.endswith("[x]")

    @property
    def is_array(self) -> bool:
        """Whether the JSON property is an array: it may repeat."""
        return self.max != 1

    def json_name(self, fhir_type: str) -> str:
        """Return the JSON property of this element for a value of one of its types."""
        return self.name[:-3] + fhir_type[0].upper() + fhir_type[1:] if self.is_choice else self.name


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """One type: its elements in the order of the official snapshot, and the invariants that hold for it."""

    name: str
    kind: TypeKind
    abstract: bool = False
    base: str | None = None
    elements: Mapping[str, Element] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite search parameter: the url of its definition, and where it lies in the composite."""

    definition: str
    expression: str


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter on one base type.

    Shape: `name` is the definition's id ("clinical-code"); `base` the type that declares it ("Resource" for _id);
           `expression` holds only the branches for `base`, None where the standard gives none (_text, _content).
    """

    code: str
    name: str
    url: str
    type: SearchKind
    base: str
    expression: str | None = None
    targets: tuple[str, ...] = ()
    components: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Invariant:
    """A FHIRPath rule; the same official key with another rule is told apart by its type ("inv-1@Task")."""

    key: str
    severity: Literal["error", "warning"]
    human: str
    expression: str


@dataclass(frozen=True, slots=True)
class OperationParameter:
    """A parameter of an operation; `max` is None for "*", `type` None where it has parts instead."""

    name: str
    use: Literal["in", "out"]
    min: int = 0
    max: int | None = 1
    type: str | None = None
    targets: tuple[str, ...] = ()
    parts: tuple["OperationParameter", ...] = ()


@dataclass(frozen=True, slots=True)
class OperationDefinition:
    """An operation of the standard: `code` without "$", and the levels and types on which it can be invoked."""

    code: str
    url: str
    resources: tuple[str, ...]
    system: bool = False
    type: bool = False
    instance: bool = False
    affects_state: bool = False
    parameters: tuple[OperationParameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Definitions:
    """All of FHIR R4 that the server needs at hand (terminology content: see `conformance.terminology`).

    Shape: `value_sets` are the expanded required bindings by url; `unexpandable` those whose codes lie outside the
           standard, with the reason; `search_parameters` are by concrete resource type and code, inherited ones
           included; `compartments["Patient"]["Observation"]` are search parameter codes (that a Patient belongs to
           its own compartment goes without saying).
    """

    version: str
    types: Mapping[str, TypeDefinition]
    resource_types: frozenset[str]
    value_sets: Mapping[str, CodeSet]
    unexpandable: Mapping[str, str]
    search_parameters: Mapping[str, Mapping[str, SearchParameter]]
    compartments: Mapping[str, Mapping[str, tuple[str, ...]]]
    operations: tuple[OperationDefinition, ...]
    invariants: Mapping[str, Invariant]

    def element(self, type_name: str, json_name: str) -> tuple[Element, str] | None:
        """Return the element behind a JSON property and the type that its value has; None when there is none.

        Shape: ("Patient", "deceasedBoolean") -> (Element "deceased[x]", "boolean"); the underscore twin of a
               primitive ("_birthDate") is not an element of its own.
        """
        elements = self.types[type_name].elements
        plain = elements.get(json_name)
        if plain is not None:
            return None if plain.is_choice else (plain, plain.types[0])
        for element in elements.values():
            if element.is_choice and json_name.startswith(element.name[:-3]):
                for fhir_type in element.types:
                    if element.json_name(fhir_type) == json_name:
                        return element, fhir_type
        return None

    def is_a(self, type_name: str, ancestor: str) -> bool:
        """Return whether a type is another one or derives from it ("Age" is a "Quantity")."""
        current: str | None = type_name
        while current is not None and current != ancestor:
            definition = self.types.get(current)
            current = definition.base if definition else None
        return current is not None
