"""CWE, CE, CNE, CF, IS and ID become CodeableConcept, Coding or code.

Spec: https://hl7.org/fhir/R4/datatypes.html#codeableconcept
"""

from typing import Any

from hl7_bridge.mapping.context import Context, Text
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]


def codeable_concept(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the CodeableConcept of a coded field: what its table maps, both triplets as sent, the original text."""
    first = coding(field, context, 1, 2, 3, 7)
    second = coding(field, context, 4, 5, 6, 8)
    text = field.value(9) or (first or {}).get("display") or (second or {}).get("display")
    codings = [one for one in (first, second) if one and "code" in one]
    if table is not None:
        codings = with_mapped(codings, table)
    if not codings:
        return {"text": text} if text else None
    return {"coding": codings, "text": text} if text else {"coding": codings}


def with_mapped(codings: list[Element], table: Table) -> list[Element]:
    """Return the codings with the first that the table maps in front; the sender's own follow where they differ."""
    for one in codings:
        code = table.look_up(one["code"])
        if code is not None:
            mapped = code.coding()
            return [mapped, *(sourced(other, table) for other in codings if other["code"] != mapped["code"])]
    return [sourced(one, table) for one in codings]


def sourced(coding_: Element, table: Table) -> Element:
    """Return the coding with the table's own code system when the sender named none."""
    if table.source and "system" not in coding_:
        return {"system": table.source, **coding_}
    return coding_


def coding(field: Text, context: Context, code: int, display: int, system: int, version: int) -> Element | None:
    """Return the Coding of the components that stand at these numbers, or None when there is neither code nor name."""
    found: Element = {}
    if (value := field.value(system)) and (uri := context.sender.coding_system(value)):
        found["system"] = uri
    if value := field.value(version).strip():
        found["version"] = value
    if value := field.value(code).strip():
        found["code"] = " ".join(value.split())
    if value := field.value(display).strip():
        found["display"] = value
    return found if "code" in found or "display" in found else None


def plain_coding(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the Coding of a coded field, mapped by the table when it knows the code."""
    concept = codeable_concept(field, context, table)
    codings = (concept or {}).get("coding")
    return codings[0] if codings else None


def mapped_only(field: Text, _context: Context, table: Table | None) -> Element | None:
    """Return the Coding that the table maps to; None for a code that the table does not know (and has no default)."""
    found = table.look_up(field.value(1).strip()) if table else None
    return found.coding() if found else None


def code(field: Text, _context: Context, table: Table | None) -> str | None:
    """Return a code: what the table maps it to, or as sent when there is no table."""
    value = field.value(1).strip()
    if table is None:
        return " ".join(value.split()) or None
    found = table.look_up(value)
    return found.code if found else None


def concept_or_text(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the CodeableConcept of a field that was text (ST) in most versions: one component is a text."""
    value = field.value(1).strip()
    if value and value == field.text.strip():
        return {"text": value}
    return codeable_concept(field, context, table)


def one_concept(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the CodeableConcept of a field that is a bare code (IS, ID) or text."""
    value = field.value(1).strip()
    if not value:
        return None
    if " " in value and table is None:
        return {"text": value}
    return codeable_concept(field, context, table)


def flag(field: Text, _context: Context, _table: Table | None) -> bool | None:
    """Return the boolean of table 0136 (yes/no) or 0532; None for unknown."""
    return {"Y": True, "N": False, "1": True, "0": False, "TRUE": True, "FALSE": False}.get(
        field.value(1).strip().upper()
    )


def unless_yes(field: Text, context: Context, table: Table | None) -> bool | None:
    """Return the opposite of `flag`."""
    found = flag(field, context, table)
    return None if found is None else not found
