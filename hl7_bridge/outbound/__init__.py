"""FHIR to HL7 v2: what happened to a resource becomes the message that other systems expect.

    Patient            ADT A28, A31, A29, A40            DiagnosticReport   ORU R01
    Appointment        SIU S12, S14, S15, S17, S26       ServiceRequest     OML O21 or ORM O01
    Claim              EHC E01 or DFT P03

`gather` fetches what a message needs beside its resource, `compose` says what the message holds, `assemble` builds it.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

from hl7_bridge.outbound.assembly import assemble
from hl7_bridge.outbound.draft import Draft, OutboundError
from hl7_bridge.outbound.messages import COMPOSERS, Event, compose
from hl7_bridge.outbound.partner import Partner
from hl7_bridge.outbound.setting import Known, gather

__all__ = ["COMPOSERS", "Draft", "Event", "Known", "OutboundError", "Partner", "assemble", "compose", "gather"]
