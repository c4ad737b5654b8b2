"""Laboratories: which report a panel is, who did an analysis, where that is, and who answers for it medically.

Spec: https://hl7.org/fhir/R4/observation-definitions.html#Observation.performer
"""

from collections.abc import Mapping
from types import MappingProxyType

from hl7_bridge.datatypes import contacts, people
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft, derived_identifier, key_of
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.roles import type_code
from hl7_bridge.mapping.scope import Scope

MEDICAL_DIRECTOR = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0912", "code": "MDIR"}]}


def performing_organization(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put OBX-23 as a performer, with its address (OBX-24); its medical director (OBX-25) is one in that role."""
    found = people.organization_resource(segment.field(23), context) if segment.field(23) else None
    organization, key = None, ""
    if found:
        key = key_of(found["identifier"][0])
        if segment.field(24) and (address := contacts.address(segment.field(24), context, None)):
            found["address"] = [address]
        organization = context.refer(found, key, display=found.get("name"))
    director = people.practitioner(segment.field(25), context, None) if segment.field(25) else None
    if director:
        about = (key, *(segment.value(25, part) for part in (1, 2, 3)))
        identifier = derived_identifier("PractitionerRole", context.sender.name, *about)
        role = {"resourceType": "PractitionerRole", "identifier": [identifier], "practitioner": director}
        if organization:
            role["organization"] = organization
        role["code"] = [MEDICAL_DIRECTOR]
        performer = context.refer(role, key_of(identifier), display=director.get("display"))
        draft.resource["performer"] = [*draft.resource.get("performer", ()), performer]
    if organization:
        draft.resource["performer"] = [*draft.resource.get("performer", ()), organization]


def report_identity(_segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Let a report be known by the filler's (else the placer's) number and by what was asked for.

    Laboratories give all panels of one accession the same number: by it alone, the second would overwrite the first.
    """
    numbers = {type_code(one): one for one in draft.resource.get("identifier", ()) if one.get("value")}
    number = numbers.get("FILL") or numbers.get("PLAC")
    code = draft.resource.get("code", {})
    asked = next((one["code"] for one in code.get("coding", ()) if "code" in one), code.get("text"))
    if number and asked:
        identifier = derived_identifier(draft.type, key_of(number), asked)
        draft.resource["identifier"] = [*draft.resource["identifier"], identifier]
        draft.key = key_of(identifier)


def partial_report(_segment: Segment, draft: Draft, scope: Scope, _context: Context) -> None:
    """Let single results join those that the report has: a correction may bring only what was corrected.

    Lines of a text share their code; the new text takes the place of the old one, which may have been longer.
    """
    results = [(one.raw(3), one.raw(4)) for one in scope.every_segment("OBX")]
    if len(set(results)) == len(results):
        draft.merge = {**draft.merge, "result": "union"}


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "report_identity": Function(report_identity),
        "partial_report": Function(partial_report),
        "performing_organization": Function(
            performing_organization, (23, 24, 25), "performer (Organization, PractitionerRole)", optional=True
        ),
    }
)
