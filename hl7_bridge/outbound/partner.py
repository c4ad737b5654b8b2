"""Whom a message goes to, in whose name, and which names of code systems and authorities both know.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, MSH)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import unquote

import yaml

_TABLE: Final = "http://terminology.hl7.org/CodeSystem/v2-"
_LOCAL_CODES: Final = "urn:hl7v2:codes:"
_AUTHORITY: Final = "urn:hl7v2:authority:"
_SENDER: Final = "urn:hl7v2:sender:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """A receiver, and how it wants its messages.

    Shape: `sender` and `receiver` are (application, facility); `authorities` maps identifier systems to namespace ids,
           `coding_systems` code systems to names of table 0396, each beside those that everybody knows; `orders` and
           `claims` are the messages that it takes for ServiceRequest and Claim
    """

    sender: tuple[str, str] = ("FHIR", "")
    receiver: tuple[str, str] = ("", "")
    processing_id: Literal["P", "T", "D"] = "P"
    orders: Literal["OML", "ORM"] = "OML"
    claims: Literal["EHC", "DFT"] = "EHC"
    authorities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    coding_systems: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def authority(self, system: str | None) -> tuple[str, str, str]:
        """Return the authority (HD) that a system of identifiers stands for; ids without one are the sender's own."""
        if not system or system.startswith(_SENDER):
            return (self.sender[1] or self.sender[0], "", "")
        known = self.authorities.get(system) or _names("authorities").get(system)
        if known:
            return (known, "", "")
        if system.startswith(_AUTHORITY):
            return (unquote(system.removeprefix(_AUTHORITY)), "", "")
        for prefix, kind in (("urn:oid:", "ISO"), ("urn:uuid:", "UUID")):
            if system.startswith(prefix):
                return ("", system.removeprefix(prefix), kind)
        return ("", system, "URI")

    def coding_system(self, system: str | None) -> str:
        """Return the name of a code system: of table 0396, else its OID or URI; "L" for codes of nowhere."""
        if not system:
            return "L"
        known = self.coding_systems.get(system) or _names("systems").get(system)
        if known:
            return known
        if system.startswith(_TABLE):
            return f"HL7{system.removeprefix(_TABLE)}"
        if system.startswith(_LOCAL_CODES):
            return unquote(system.rpartition(":")[2])
        return system.removeprefix("urn:oid:")


@cache
def _names(part: Literal["systems", "authorities"]) -> Mapping[str, str]:
    """Return the names of systems that incoming messages are read with, by system: the first of each."""
    text = (files("hl7_bridge") / "maps" / "systems.yaml").read_text("utf-8")
    described: dict[str, Any] = yaml.safe_load(text)[part]
    return {uri: name for name, uri in reversed(described.items())}
