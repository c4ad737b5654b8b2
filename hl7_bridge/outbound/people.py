"""References to people, organizations and places as XCN, XON, CNN and PL, with whatever is known of them.

Spec: https://hl7.org/fhir/R4/practitioner.html, https://hl7.org/fhir/R4/location.html
"""

from typing import Any, Final

from hl7_bridge.outbound.elements import Components, Element, kind_of, name_parts
from hl7_bridge.outbound.setting import Resource, Setting

_LEVELS: Final = {"wa": 0, "ro": 1, "bd": 2, "si": 3, "bu": 6, "lvl": 7}
"""Physical type of a Location → the component of PL that names it, from 0."""

_URI: Final = "urn:ietf:rfc:3986"
"""The system of identifiers that are made for machines: no number that a person, or PL, could use."""


def person(reference: Element | None, setting: Setting) -> Components:
    """Return XCN: number, name, authority and type of the number. A role stands for its practitioner."""
    found = setting.get(reference)
    if found and found.get("resourceType") == "PractitionerRole":
        return person(found.get("practitioner"), setting.about(found))
    identifier = _identifier(found, reference)
    names = (found or {}).get("name") or [{}]
    family, given, others, suffix, prefix = name_parts(names[0]) if isinstance(names, list) else ("",) * 5
    family = family or ("" if given else (reference or {}).get("display", ""))
    number = identifier.get("value", "")
    if not (number or family or given):
        return ()
    authority = setting.partner.authority(identifier.get("system")) if number else ("", "", "")
    return (number, family, given, others, suffix, prefix, "", "", authority, "L", "", "", kind_of(identifier))


def person_within(reference: Element | None, setting: Setting) -> Components:
    """Return NDL: the same person as subcomponents (CNN) of its first component."""
    found = person(reference, setting)
    if not found:
        return ()
    number, family, given, others, suffix, prefix = (str(part) for part in found[:6])
    return ((number, family, given, others, suffix, prefix, "", "", *found[8]),)


def organization(reference: Element | None, setting: Setting) -> Components:
    """Return XON: name, authority, type of the number, number."""
    found = setting.get(reference)
    identifier = _identifier(found, reference)
    name = (found or {}).get("name") or (reference or {}).get("display", "")
    number = identifier.get("value", "")
    if not (name or number):
        return ()
    authority = setting.partner.authority(identifier.get("system")) if number else ("", "", "")
    return (name, "", "", "", "", authority, kind_of(identifier), "", "", number)


def place(reference: Element | None, setting: Setting) -> Components:
    """Return PL: point of care, room, bed, facility, building, floor, along the Location's `partOf`."""
    parts = [""] * 9
    current = reference
    for _ in range(6):
        found = setting.get(current)
        name = _place_name(found, current)
        if not name:
            break
        level = _LEVELS.get(_physical_type(found), 0)
        parts[level] = parts[level] or name
        if not found or "partOf" not in found:
            break
        current, setting = found["partOf"], setting.about(found)
    return tuple(parts) if any(parts) else ()


def _place_name(found: Resource | None, reference: Element | None) -> str:
    identifier = _identifier(found, reference)
    value = identifier.get("value") or (found or {}).get("name") or (reference or {}).get("display") or ""
    return str(value)


def _physical_type(found: Resource | None) -> str:
    codings: Any = (found or {}).get("physicalType", {}).get("coding", ())
    return next((coding["code"] for coding in codings if "code" in coding), "wa")


def _identifier(found: Resource | None, reference: Element | None) -> Element:
    """Return the first identifier of a resource, else the one that the Reference itself bears."""
    identifiers: list[Element] = (found or {}).get("identifier") or []
    spoken = (one for one in identifiers if one.get("value") and one.get("system") != _URI)
    return next(spoken, (reference or {}).get("identifier") or {})
