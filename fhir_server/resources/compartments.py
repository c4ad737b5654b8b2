"""The compartments that a resource lies in, as "Patient/a".

Spec: https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Iterator, Mapping, Sequence
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


def compartments_of(
    definitions: Definitions, resource: Mapping[str, Any], memberships: Memberships, links: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Return the compartments of a resource; one that defines a compartment lies in its own.

    Shape: `links` are the stored references by search parameter: {"subject": ["Patient/a"]} -> ("Patient/a",)
    """
    own = (
        f"{resource['resourceType']}/{resource['id']}" if resource["resourceType"] in definitions.compartments else None
    )
    return tuple(dict.fromkeys((*((own,) if own else ()), *_linked(memberships, links))))


def _linked(memberships: Memberships, links: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for code, starts in memberships.items():
        yield from (link for link in links.get(code, ()) if link.startswith(starts))
