"""FHIR's data types as those of HL7 v2: each function returns the components of one field, () when there is nothing.

Spec: https://hl7.org/fhir/R4/datatypes.html
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from hl7_bridge.er7 import Repeated
from hl7_bridge.outbound.partner import Partner
from hl7_bridge.outbound.vocabulary import code

Element: TypeAlias = dict[str, Any]
Components: TypeAlias = tuple[str | tuple[str, ...], ...]

IDENTIFIER_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
UNITS: Final = "http://unitsofmeasure.org"


def repeated(fields: Iterable[Components]) -> Repeated:
    """Return the repetitions of a field, without empty ones."""
    return Repeated(field for field in fields if any(field))


def kind_of(identifier: Element) -> str:
    """Return the type of an identifier (table 0203), "" when it has none."""
    codings = identifier.get("type", {}).get("coding", ())
    return next((one.get("code", "") for one in codings if one.get("system") == IDENTIFIER_TYPES), "")


def cx(identifier: Element, partner: Partner, kind: str = "") -> Components:
    """Return an Identifier as CX; `kind` is the type of one that says none."""
    value = identifier.get("value")
    if not value:
        return ()
    return (value, "", "", partner.authority(identifier.get("system")), kind_of(identifier) or kind)


def ei(identifier: Element | None, partner: Partner) -> Components:
    """Return an Identifier as EI."""
    value = (identifier or {}).get("value")
    return (value, *partner.authority((identifier or {}).get("system"))) if value else ()


def xpn(name: Element) -> Components:
    """Return a HumanName as XPN."""
    family, given, others, suffix, prefix = name_parts(name)
    kind = code("name-use", name.get("use"), "L")
    return (family, given, others, suffix, prefix, "", kind) if family or given else ()


def name_parts(name: Element) -> tuple[str, str, str, str, str]:
    """Return family, given, further given names, suffix and prefix, as XPN and XCN have them."""
    given = name.get("given", [])
    family = name.get("family", "") or ("" if given else name.get("text", ""))
    others = " ".join(given[1:])
    return family, given[0] if given else "", others, " ".join(name.get("suffix", ())), " ".join(name.get("prefix", ()))


def xad(address: Element) -> Components:
    """Return an Address as XAD."""
    lines: list[str] = address.get("line", [])
    if not lines and "city" not in address:
        lines = [address.get("text", "")]
    first, second, *rest = (*lines, "", "")
    kind = code("address-use", address.get("use")) or code("address-type", address.get("type"))
    place = tuple(address.get(part, "") for part in ("city", "state", "postalCode", "country"))
    found = (first, second, *place, kind, " ".join(filter(None, rest)), address.get("district", ""))
    return found if any(place) or first else ()


def xtn(contact: Element) -> Components:
    """Return a ContactPoint as XTN."""
    value = contact.get("value")
    if not value:
        return ()
    system, use = contact.get("system", "phone"), contact.get("use")
    if system == "email":
        return ("", "NET", "Internet", value)
    equipment = "CP" if use == "mobile" else code("contact-system", system, "PH")
    # XTN-1 is what older receivers read, XTN-12 what the standard has put in its place.
    return (value, code("contact-use", use, "PRN"), equipment, *("",) * 8, value)


def ce(concept: Element | None, partner: Partner) -> Components:
    """Return a CodeableConcept as CE: two codings at most, its text where the first has no display."""
    concept = concept or {}
    codings = [coding for coding in concept.get("coding", ()) if coding.get("code")][:2]
    if not codings:
        return ("", concept["text"]) if concept.get("text") else ()
    found: list[str] = []
    for coding in codings:
        found += [coding["code"], coding.get("display", ""), partner.coding_system(coding.get("system"))]
    found[1] = found[1] or concept.get("text", "")
    return tuple(found)


def cwe(concept: Element | None, partner: Partner) -> Components:
    """Return a CodeableConcept as CWE: as CE, and the original text."""
    found = ce(concept, partner)
    text = (concept or {}).get("text", "")
    if not text or text in found:
        return found
    return (*found, *("",) * (8 - len(found)), text)


def units(quantity: Element, partner: Partner) -> Components:
    """Return the unit of a Quantity as CE."""
    unit, name = quantity.get("code"), quantity.get("unit", "")
    if not unit:
        return (name, name) if name else ()
    return (unit, name or unit, partner.coding_system(quantity.get("system") or UNITS))


def number(value: Any) -> str:
    """Return a number as it is written in NM: without exponent."""
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)


def time(text: str | None) -> str:
    """Return a date, dateTime or instant as DTM, in the same precision and with the same offset.

    Shape: "2024-03-05T10:15:00+01:00" -> "20240305101500+0100"
    """
    if not text:
        return ""
    date, _, clock = text.partition("T")
    date = date.replace("-", "")
    if not clock:
        return date
    offset = "+0000" if clock.endswith("Z") else clock[-6:].replace(":", "")
    clock = clock[:-1] if clock.endswith("Z") else clock[:-6]
    seconds, _, fraction = clock.replace(":", "").partition(".")
    # DTM knows ten-thousandths of a second.
    return f"{date}{seconds}{'.' + fraction[:4] if fraction else ''}{offset}"


def annotations(notes: Sequence[Element] | None) -> list[str]:
    """Return the texts of Annotations."""
    return [note["text"] for note in notes or () if note.get("text")]


def price(amount: Element | None) -> Components:
    """Return Money as CP: value and currency are subcomponents of the price."""
    if not amount or "value" not in amount:
        return ()
    return ((number(amount["value"]), amount.get("currency", "")),)
