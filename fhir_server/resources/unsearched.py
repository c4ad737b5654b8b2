"""References that no search parameter finds, kept so that a merge finds what refers to the prior of two records.

Stored: the texts of references to types that are merged, below the properties where some are not searched for. Few
resources have such properties, so most writes pay nothing. Extensions of datatypes are not looked into.
Spec: https://hl7.org/fhir/R4/patient.html#merge, https://hl7.org/fhir/R4/references.html
"""

from collections.abc import Iterator
from typing import Any, Final

from conformance.definitions import Definitions
from conformance.reference_text import reference_type
from conformance.unsearched import unsearched_properties
from fhir_server.kernel.types import Resource

MERGED: Final = frozenset({"Account", "Encounter", "Patient"})
"""The types of which one record can take the place of another."""


def unsearched_in(definitions: Definitions, type_: str) -> frozenset[str]:
    """Return the properties of a type that are looked into."""
    return unsearched_properties(definitions, type_, MERGED)


def unsearched_references(resource: Resource, properties: frozenset[str]) -> list[str]:
    """Return the references below some properties, each once: ["Patient/1"]."""
    texts = (text for name in properties & resource.keys() for text in _texts(resource[name]))
    return [text for text in dict.fromkeys(texts) if reference_type(text) in MERGED]


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            if type(text := one.get("reference")) is str:
                yield text
            waiting += one.values()
        elif type(one) is list:
            waiting += one
