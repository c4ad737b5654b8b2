"""CX, EI, EIP, HD, DLN, XON's number and plain texts become Identifier.

Spec: https://hl7.org/fhir/R4/datatypes.html#identifier
"""

import re
from typing import Any
from urllib.parse import quote

from hl7_bridge.datatypes.times import BadValue, date
from hl7_bridge.mapping.context import OID, UUID_, Context, Text, uri_of
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]

TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0203"
SSN = "http://hl7.org/fhir/sid/us-ssn"


def extended_id(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the Identifier of a CX; `table` names the type of one that says none."""
    value = field.value(1).strip()
    if not value:
        return None
    kind = field.value(5).strip() or (table.absent.code if table and table.absent else "")
    found: Element = {}
    if kind:
        found["type"] = {"coding": [{"system": TYPE_SYSTEM, "code": kind}]}
    found["system"] = system_of(field, context, 4, kind)
    found["value"] = value
    if period := validity(field, context, 7, 8):
        found["period"] = period
    if assigner := field.value(6) or field.value(4):
        found["assigner"] = {"display": assigner}
    return found


def system_of(field: Text, context: Context, component: int, kind: str = "") -> str:
    """Return the system that the assigning authority (HD in a component) stands for."""
    authority = field.value(component), field.value(component, 2), field.value(component, 3)
    if kind == "SS" and authority[0].upper() in ("", "USSSA", "SSA"):
        return SSN
    return context.sender.authority(*authority, kind)


def validity(field: Text, context: Context, start: int, end: int) -> Element | None:
    """Return the Period of two date components; dates that cannot be read are left out."""
    return _period(field.value(start), field.value(end), context)


def range_of(field: Text, context: Context, component: int) -> Element | None:
    """Return the Period of a validity range (DR) within a component, as versions before 2.7 have it."""
    return _period(field.value(component)[:8], field.value(component, 2)[:8], context)


def _period(start: str, end: str, context: Context) -> Element | None:
    period = {}
    for name, text in (("start", start), ("end", end)):
        try:
            if text[:8].isdigit() and (found := date(text, context.zone)):
                period[name] = found
        except BadValue:
            continue
    return period or None


def entity_id(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the Identifier of an EI: id, namespace, universal id and its type; `table` names a kind of identifier.

    The kind keeps apart the numbers of one sender that come without an authority: placer and filler both count from 1.
    """
    value = field.value(1).strip()
    namespace, universal, scheme = field.value(2), field.value(3), field.value(4)
    kind = table.absent.code if table and table.absent else ""
    if not value:
        found = bare_universal(universal or namespace)
        return typed(found, kind) if found else None
    return typed({"system": context.sender.authority(namespace, universal, scheme, kind), "value": value}, kind)


def typed(identifier: Element, kind: str) -> Element:
    """Return an identifier with its type (table 0203)."""
    return {"type": {"coding": [{"system": TYPE_SYSTEM, "code": kind}]}, **identifier} if kind else identifier


def bare_universal(universal: str) -> Element | None:
    """Return the Identifier of an EI that holds a universal id only."""
    uri = uri_of(universal)
    if uri and uri.startswith((OID, UUID_)):
        return {"system": "urn:ietf:rfc:3986", "value": uri}
    return {"value": universal} if universal else None


def placer_of_pair(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return the Identifier of an EIP's first part, the placer's."""
    return of_pair(field, context, 1, "PLAC")


def filler_of_pair(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return the Identifier of an EIP's second part, the filler's."""
    return of_pair(field, context, 2, "FILL")


def of_pair(field: Text, context: Context, component: int, role: str) -> Element | None:
    value, namespace, universal, kind = (field.value(component, number).strip() for number in (1, 2, 3, 4))
    if not value:
        return None
    return typed({"system": context.sender.authority(namespace, universal, kind, role), "value": value}, role)


def licence(field: Text, _context: Context, _table: Table | None) -> Element | None:
    """Return the Identifier of a driver's licence (DLN)."""
    value = field.value(1).strip()
    if not value:
        return None
    state = field.value(2).strip()
    return {
        "type": {"coding": [{"system": TYPE_SYSTEM, "code": "DL"}]},
        "system": f"urn:hl7v2:authority:driver-licence:{quote(state, safe='')}"
        if state
        else "urn:hl7v2:authority:driver-licence",
        "value": value,
    }


MASKED = re.compile(r"[xX*]{2}")
"""In a number of which only the end is told: it is nobody's number."""


def social_security(field: Text, _context: Context, _table: Table | None) -> Element | None:
    """Return the Identifier of a United States social security number (ST)."""
    value = field.value(1).strip()
    if not value or MASKED.search(value):
        return None
    return {"type": {"coding": [{"system": TYPE_SYSTEM, "code": "SS"}]}, "system": SSN, "value": value}


def plain_id(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return the Identifier of an id that is a bare text (ST, SI, NM); the sender vouches for it."""
    value = field.value(1).strip()
    return {"system": context.sender.authority("", "", "", ""), "value": value} if value else None


def uri(field: Text, context: Context, _table: Table | None) -> str | None:
    """Return the URI that an HD, EI or text stands for."""
    namespace, universal, kind = field.value(1), field.value(2), field.value(3)
    return context.sender.authority(namespace, universal, kind, "") if namespace or universal else None
