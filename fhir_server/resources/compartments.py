"""The compartments that a resource lies in, as "Patient/a".

Spec: https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Mapping
from typing import Any

from conformance.definitions import Definitions

Memberships = Mapping[str, tuple[str, ...]]
"""By search parameter of one type: the starts of references that make a resource a member ("Patient/")."""


def memberships(definitions: Definitions, type_: str) -> Memberships:
    """Return by which of its references a type becomes a member of which compartments."""
    found: dict[str, tuple[str, ...]] = {}
    for compartment, members in definitions.compartments.items():
        for code in members.get(type_, ()):
            found[code] = (*found.get(code, ()), f"{compartment}/")
    return found


def own_compartment(definitions: Definitions, resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the compartment that a resource is: ("Patient/a",) for a Patient, else none."""
    type_ = resource["resourceType"]
    return (f"{type_}/{resource['id']}",) if type_ in definitions.compartments else ()
