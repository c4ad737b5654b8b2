"""What happened to a resource → the message that says it: one function for each type of resource.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from hl7_bridge.outbound.appointments import appointment_message
from hl7_bridge.outbound.claims import claim_message
from hl7_bridge.outbound.draft import Draft, OutboundError
from hl7_bridge.outbound.orders import order_message
from hl7_bridge.outbound.partner import Partner
from hl7_bridge.outbound.patients import patient_message
from hl7_bridge.outbound.reports import report_message
from hl7_bridge.outbound.setting import Event, Known, Resource, Setting

__all__ = ["COMPOSERS", "Event", "compose"]

Composer: TypeAlias = Callable[[Setting], Draft]

COMPOSERS: Final[Mapping[str, Composer]] = MappingProxyType(
    {
        "Appointment": appointment_message,
        "Claim": claim_message,
        "DiagnosticReport": report_message,
        "Patient": patient_message,
        "ServiceRequest": order_message,
    }
)
"""Types of resources of which messages tell."""


def compose(resource: Resource, event: Event, *, occurred: str, known: Known, partner: Partner) -> Draft:
    """Return the message that tells a partner what happened to a resource at a time (a FHIR instant).

    Errors: OutboundError for a type of which no message tells, or when the resource lacks what its message needs
    """
    composer = COMPOSERS.get(resource["resourceType"])
    if composer is None:
        raise OutboundError(str(resource["resourceType"]), "no message tells of it")
    return composer(Setting(resource, event, occurred, known, partner))
