"""XCN, XON, PL and their kin become references to Practitioner, Organization and Location entries.

Such a resource is thin: it is made to be referred to, and never changes one that is stored already.
Spec: https://hl7.org/fhir/R4/references.html
"""

from typing import Any

from hl7_bridge.datatypes.identifiers import TYPE_SYSTEM, system_of, validity
from hl7_bridge.datatypes.names import name_at, spoken, use_of
from hl7_bridge.mapping.context import Context, Text, derived_identifier, key_of
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]


def practitioner(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to the Practitioner that an XCN (CN, CNN) names."""
    resource = practitioner_resource(field, context)
    if resource is None:
        return None
    names = resource.get("name")
    return context.refer(resource, key_of(resource["identifier"][0]), display=spoken(names[0]) if names else None)


def practitioner_resource(field: Text, context: Context) -> Element | None:
    """Return the Practitioner of an XCN; a name without an id is known by the name, within one sender."""
    id_, name = field.value(1).strip(), name_at(field, 2)
    if not id_ and not name:
        return None
    if id_ and not name and not id_.isalnum() and " " in id_:
        return named_only({"text": id_}, context)
    resource: Element = {"resourceType": "Practitioner"}
    if not id_:
        return named_only(name, context)
    kind = field.value(13).strip()
    identifier: Element = {"system": system_of(field, context, 9, kind), "value": id_}
    if kind:
        identifier["type"] = {"coding": [{"system": TYPE_SYSTEM, "code": kind}]}
    resource["identifier"] = [identifier]
    if name:
        resource["name"] = [{**name, **name_details(field, context)}]
    return resource


def named_only(name: Element, context: Context) -> Element:
    identifier = derived_identifier("Practitioner", context.sender.name, (spoken(name) or "").casefold())
    return {"resourceType": "Practitioner", "identifier": [identifier], "name": [name]}


def name_details(field: Text, context: Context) -> Element:
    found: Element = {}
    if use := use_of(field.value(10), context):
        found["use"] = use
    if period := validity(field, context, 19, 20):
        found["period"] = period
    return found


def named_practitioner(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to a Practitioner of whom the field holds a name only (ST, XPN)."""
    name = name_at(field, 1)
    if not name:
        return None
    if "given" not in name and " " in name["family"]:
        name = {"text": name["family"]}
    resource = named_only(name, context)
    return context.refer(resource, key_of(resource["identifier"][0]), display=spoken(name))


def observer(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return a Reference to the Practitioner of an NDL, whose first component is a name with an id."""
    sub = SubField(field, 1)
    return practitioner(sub, context, table)


class SubField:
    """A component, read as a field: its subcomponents are the components."""

    __slots__ = ("_component", "_field")

    def __init__(self, field: Text, component: int) -> None:
        self._field = field
        self._component = component

    def value(self, component: int = 1, subcomponent: int = 1) -> str:
        return self._field.value(self._component, component) if subcomponent == 1 else ""

    @property
    def text(self) -> str:
        return self.value(1)


def organization(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to the Organization that an XON names."""
    resource = organization_resource(field, context)
    if resource is None:
        return None
    return context.refer(resource, key_of(resource["identifier"][0]), display=resource.get("name"))


def organization_resource(field: Text, context: Context) -> Element | None:
    """Return the Organization of an XON; a name without an id is known by the name, within one sender."""
    name, id_, kind = field.value(1).strip(), (field.value(10) or field.value(3)).strip(), field.value(7).strip()
    if not name and not id_:
        return None
    resource: Element = {"resourceType": "Organization"}
    if id_:
        resource["identifier"] = [{"system": system_of(field, context, 6, kind), "value": id_}]
        if kind:
            resource["identifier"][0]["type"] = {"coding": [{"system": TYPE_SYSTEM, "code": kind}]}
    else:
        resource["identifier"] = [derived_identifier("Organization", context.sender.name, name.casefold())]
    return {**resource, "name": name} if name else resource


def coded_organization(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to the Organization that a code (CWE) stands for."""
    code, name = field.value(1).strip(), field.value(2).strip()
    if not code and not name:
        return None
    system = (
        context.sender.coding_system(field.value(3)) if field.value(3) else context.sender.authority("", "", "", "")
    )
    identifier = (
        {"system": system, "value": code} if code else derived_identifier("Organization", context.sender.name, name)
    )
    resource: Element = {"resourceType": "Organization", "identifier": [identifier], "name": name or code}
    return context.refer(resource, key_of(identifier), display=name or code)


def authority_organization(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to the Organization that an HD names."""
    name = field.value(1).strip() or field.value(2).strip()
    if not name:
        return None
    identifier = {
        "system": "urn:ietf:rfc:3986",
        "value": context.sender.authority(*(field.value(n) for n in (1, 2, 3)), ""),
    }
    resource: Element = {"resourceType": "Organization", "identifier": [identifier], "name": name}
    return context.refer(resource, key_of(identifier), display=name)


LEVELS = (
    (3, "bd", "Bed"),
    (2, "ro", "Room"),
    (1, "wa", "Ward"),
    (8, "lvl", "Level"),
    (7, "bu", "Building"),
    (4, "si", "Site"),
)
"""Components of a PL from the inside to the outside, with the physical type that each is."""

PHYSICAL_TYPE = "http://terminology.hl7.org/CodeSystem/location-physical-type"


def location(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to the Location of a PL: its innermost place; the places around it are part of its name."""
    places = [(code, label, place) for number, code, label in LEVELS if (place := place_at(field, number))]
    described = field.value(9).strip()
    if not places and not described:
        return None
    name = " ".join(place for _, _, place in reversed(places)) or described
    identifier = derived_identifier(
        "Location", context.sender.name, *(f"{code}={place}" for code, _, place in places), described
    )
    if stated := field.value(10).strip():
        identifier = {"system": context.sender.authority(*(field.value(11, n) for n in (1, 2, 3)), ""), "value": stated}
    resource: Element = {"resourceType": "Location", "identifier": [identifier], "name": name, "mode": "instance"}
    if described and described != name:
        resource["description"] = described
    if places:
        code, label, _ = places[0]
        resource["physicalType"] = {"coding": [{"system": PHYSICAL_TYPE, "code": code, "display": label}]}
        resource["alias"] = [place for _, _, place in places]
    return context.refer(resource, key_of(identifier), display=name)


def place_at(field: Text, component: int) -> str:
    return field.value(component).strip() or field.value(component, 2).strip()


def coded_location(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to the Location that a discharge location (DLD) or a code names."""
    code, name = field.value(1).strip(), field.value(2).strip()
    if not code and not name:
        return None
    identifier = derived_identifier("Location", context.sender.name, code or name)
    resource: Element = {
        "resourceType": "Location",
        "identifier": [identifier],
        "name": name or code,
        "mode": "instance",
    }
    return context.refer(resource, key_of(identifier), display=name or code)


def device(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return a Reference to the Device that an EI identifies."""
    value = field.value(1).strip() or field.value(3).strip()
    if not value:
        return None
    system = context.sender.authority(*(field.value(n) for n in (2, 3, 4)), "") if field.value(1).strip() else None
    identifier = {"system": system, "value": value} if system else {"system": "urn:ietf:rfc:3986", "value": value}
    name = field.value(1).strip()
    resource: Element = {"resourceType": "Device", "identifier": [identifier]}
    if name:
        resource["deviceName"] = [{"name": name, "type": "other"}]
    return context.refer(resource, key_of(identifier), display=name or None)
