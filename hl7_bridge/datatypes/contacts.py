"""XAD, SAD and AD become Address; XTN and TN become ContactPoint.

Spec: https://hl7.org/fhir/R4/datatypes.html#address, https://hl7.org/fhir/R4/datatypes.html#contactpoint
"""

from typing import Any

from hl7_bridge.datatypes.identifiers import range_of, validity
from hl7_bridge.datatypes.quantities import counted
from hl7_bridge.er7 import NULL
from hl7_bridge.mapping.context import Context, Text
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]

PARTS = ((3, "city"), (9, "district"), (4, "state"), (5, "postalCode"), (6, "country"))


OF_BIRTH = frozenset({"BDL", "N"})
"""Kinds of address (table 0190) that tell where somebody was born, and not where they can be found."""


def address(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return the Address of an XAD or AD; None for that of a birth."""
    return None if field.value(7).strip() in OF_BIRTH else any_address(field, context)


def birth_place(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return the Address of an XAD that tells where somebody was born; None for any other."""
    return any_address(field, context) if field.value(7).strip() in OF_BIRTH else None


def any_address(field: Text, context: Context) -> Element | None:
    found: Element = {}
    lines = [text for text in (street(field), field.value(2).strip(), field.value(8).strip()) if text]
    kind = field.value(7).strip()
    for table, element in (("0190-use", "use"), ("0190-type", "type")):
        if kind and table in context.sender.tables and (code := context.sender.tables[table].look_up(kind)):
            found[element] = code.code
    if lines:
        found["line"] = lines
    for number, element in PARTS:
        if text := field.value(number).strip():
            found[element] = text
    if period := validity(field, context, 13, 14) or range_of(field, context, 12):
        found["period"] = period
    return found if len(found) > ("use" in found) + ("type" in found) + ("period" in found) else None


def street(field: Text) -> str:
    """Return the street line of a SAD: address, and number and street name where the address does not say them."""
    whole = field.value(1).strip()
    named, number = field.value(1, 2).strip(), field.value(1, 3).strip()
    rest = [part for part in (number, named) if part != NULL and part not in whole]
    return " ".join(part for part in (whole, *rest) if part and part != NULL)


def contact_point(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the ContactPoint of an XTN or TN: its number from whichever components the sender filled.

    `table`'s entry for an absent code names the use of a field that implies one (PID-13: home).
    """
    use, equipment = field.value(2).strip().upper(), field.value(3).strip().upper()
    system = coded("0202", equipment, context) or {"NET": "email"}.get(use)
    value = written(field, system)
    if not value:
        return None
    if "@" in value:
        system = "email"
    found: Element = {"system": system or "phone", "value": value}
    meant = "mobile" if equipment == "CP" else coded("0201", use, context)
    if meant := meant or (table.absent.code if table and table.absent else None):
        found["use"] = meant
    if extension := dialled(field):
        found["extension"] = extension
    if period := validity(field, context, 13, 14):
        found["period"] = period
    if rank := counted(field.value(18)):
        found["rank"] = rank
    return found


def coded(name: str, code: str, context: Context) -> str | None:
    table = context.sender.tables.get(name)
    found = table.look_up(code) if table and code else None
    return found.code if found else None


def written(field: Text, system: str | None) -> str:
    """Return what one dials or writes to."""
    mail, whole = field.value(4).strip(), field.value(12).strip() or field.value(1).strip()
    if mail and (system in ("email", "url") or "@" in mail or not (whole or field.value(7).strip())):
        return mail
    country, area, local, extension = (field.value(number).strip() for number in (5, 6, 7, 8))
    if local:
        number = f"({area}) {local}" if area and not country else " ".join(part for part in (area, local) if part)
        number = f"+{country.lstrip('+')} {number}" if country else number
        return f"{number} x{extension}" if extension else number
    return whole


NUMBER_PARTS = {5: "country", 6: "area", 7: "local", 8: "extension"}


def dialled(field: Text) -> list[Element]:
    """Return the parts of a number that came apart, as FHIR's standard extensions keep them."""
    return [
        {"url": f"http://hl7.org/fhir/StructureDefinition/contactpoint-{part}", "valueString": text}
        for number, part in NUMBER_PARTS.items()
        if (text := field.value(number).strip()) and field.value(7)
    ]
