"""XPN and the names within XCN become HumanName.

Spec: https://hl7.org/fhir/R4/datatypes.html#humanname
"""

from typing import Any

from hl7_bridge.datatypes.identifiers import range_of, validity
from hl7_bridge.mapping.context import Context, Text
from hl7_bridge.mapping.tables import Table

Element = dict[str, Any]

EXTENSION = "http://hl7.org/fhir/StructureDefinition/humanname-"
REPRESENTATION = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
SCRIPTS = {"A": "ABC", "I": "IDE", "P": "SYL"}
"""How a name is written (table HL70465): in letters, in characters that mean something, as it sounds."""
FAMILY_PARTS = {2: "own-prefix", 3: "own-name", 4: "partner-prefix", 5: "partner-name"}


def person_name(field: Text, context: Context, _table: Table | None) -> Element | None:
    """Return the HumanName of an XPN."""
    name = name_at(field, 1)
    if not name:
        return None
    if use := use_of(field.value(7), context):
        name["use"] = use
    if professional := field.value(14).strip():
        name["suffix"] = [*name.get("suffix", ()), professional]
    if script := SCRIPTS.get(field.value(8).strip().upper()):
        name["extension"] = [{"url": REPRESENTATION, "valueCode": script}]
    if period := validity(field, context, 12, 13) or range_of(field, context, 10):
        name["period"] = period
    return name


def name_at(field: Text, family: int) -> Element:
    """Return the HumanName whose family name is the component `family`; given names, suffix and prefix follow it."""
    name: Element = {}
    if text := field.value(family).strip():
        name["family"] = text
    if parts := family_extensions(field, family):
        name["_family"] = {"extension": parts}
    given = [text for number in (1, 2) if (text := field.value(family + number).strip())]
    if given:
        name["given"] = given
    if prefix := field.value(family + 4).strip():
        name["prefix"] = [prefix]
    suffix = [text for number in (3, 5) if (text := field.value(family + number).strip())]
    if suffix:
        name["suffix"] = suffix
    return name if "family" in name or "given" in name else {}


def family_extensions(field: Text, family: int) -> list[Element]:
    """Return the parts of a family name (FN) that FHIR keeps in extensions."""
    return [
        {"url": EXTENSION + part, "valueString": text}
        for number, part in FAMILY_PARTS.items()
        if (text := field.value(family, number).strip())
    ]


def use_of(kind: str, context: Context) -> str | None:
    table = context.sender.tables.get("0200")
    found = table.look_up(kind.strip()) if table and kind else None
    return found.code if found else None


def name_text(field: Text, _context: Context, _table: Table | None) -> str | None:
    """Return a person's name as one text, as people say it."""
    return spoken(name_at(field, 1))


def name_or_text(field: Text, context: Context, table: Table | None) -> Element | None:
    """Return the HumanName of an XPN, or of a name that the sender wrote as one text."""
    found = person_name(field, context, table)
    if found and "given" not in found and " " in found.get("family", ""):
        return {"text": found["family"]}
    return found


def spoken(name: Element) -> str | None:
    """Return a HumanName as one text: prefix, given names, family name, suffix."""
    parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family", ""), *name.get("suffix", ())]
    return " ".join(part for part in parts if part) or name.get("text")
