"""The code systems, value sets and concept maps of the standard; large, hence apart from `Definitions`.

Spec: https://hl7.org/fhir/R4/terminologies-systems.html, https://hl7.org/fhir/R4/terminologies-valuesets.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import msgspec

from conformance.load import read


@dataclass(frozen=True, slots=True)
class Concept:
    """One code; `parents` are the codes directly above it in the same system, `properties` (code, value) pairs."""

    code: str
    display: str | None = None
    parents: tuple[str, ...] = ()
    properties: tuple[tuple[str, str | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """A code system; `case_sensitive` is None where the standard does not say, `content` is FHIR's code for it."""

    url: str
    name: str
    content: str
    status: str
    concepts: tuple[Concept, ...] = ()
    version: str | None = None
    title: str | None = None
    case_sensitive: bool | None = None
    value_set: str | None = None
    supplements: str | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on the properties of concepts."""

    property: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One include or exclude of a value set: all given conditions hold together.

    Shape: a concept without display has the one of its code system.
    """

    system: str | None = None
    version: str | None = None
    concepts: tuple[Concept, ...] = ()
    filters: tuple[Filter, ...] = ()
    value_sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A value set by its rules."""

    url: str
    name: str
    status: str
    version: str | None = None
    title: str | None = None
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class MapRow:
    """One row of a concept map: FHIR's equivalence of two codes; `target` is None where there is no counterpart."""

    source: str
    equivalence: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class MapGroup:
    """The rows of a concept map between two code systems."""

    source: str | None = None
    target: str | None = None
    rows: tuple[MapRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """A concept map; `source` and `target` are the value sets that it maps between."""

    url: str
    name: str
    status: str
    version: str | None = None
    title: str | None = None
    source: str | None = None
    target: str | None = None
    groups: tuple[MapGroup, ...] = ()


@dataclass(frozen=True, slots=True)
class Terminology:
    """All of the standard's terminology by canonical url."""

    code_systems: Mapping[str, CodeSystem]
    value_sets: Mapping[str, ValueSet]
    concept_maps: Mapping[str, ConceptMap]


@cache
def terminology() -> Terminology:
    """Return the terminology content of FHIR R4, read from the package's data once per process."""
    return msgspec.json.decode(read("terminology"), type=Terminology)
