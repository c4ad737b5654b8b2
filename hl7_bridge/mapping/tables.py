"""Vocabulary tables: which FHIR code an HL7 v2 code becomes.

Spec: https://hl7.org/fhir/R4/terminologies.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hl7_bridge.mapping.errors import MapError


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a FHIR code system."""

    code: str
    system: str | None = None
    display: str | None = None

    def coding(self) -> dict[str, Any]:
        """Return the Coding; a new one at each call."""
        found = {"system": self.system, "code": self.code, "display": self.display}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Table:
    """One map of codes; `source` is the code system of the codes that come in."""

    name: str
    codes: Mapping[str, Code]
    default: Code | None = None
    absent: Code | None = None
    source: str | None = None

    def look_up(self, code: str) -> Code | None:
        """Return what a v2 code becomes, the table's default for an unknown one, or None."""
        return self.codes.get(code) or self.codes.get(code.upper()) or (self.default if code else self.absent)


def compile_tables(described: Mapping[str, Any]) -> dict[str, Table]:
    """Return the tables of map files by name.

    Shape:  {"0001": {"system": "http://…", "codes": {"M": "male", "F": {"code": "female", "display": "Female"}}}}
    Errors: MapError when a table is not of that shape
    """
    return {str(name): compile_table(str(name), table) for name, table in described.items()}


def compile_table(name: str, described: Any) -> Table:
    if not isinstance(described, Mapping) or not isinstance(described.get("codes"), Mapping):
        raise MapError(f"tables.{name}", "has no codes")
    unknown = set(described) - {"system", "codes", "default", "absent", "source"}
    if unknown:
        raise MapError(f"tables.{name}", f"has unknown parts: {', '.join(sorted(unknown))}")
    system = described.get("system")
    codes = {str(code): compile_code(name, meant, system) for code, meant in described["codes"].items()}
    default, absent = (
        compile_code(name, described[part], system) if part in described else None for part in ("default", "absent")
    )
    return Table(name, codes, default, absent, described.get("source"))


def compile_code(name: str, meant: Any, system: str | None) -> Code:
    if isinstance(meant, str):
        return Code(meant, system)
    if isinstance(meant, Mapping) and isinstance(meant.get("code"), str):
        return Code(meant["code"], meant.get("system", system), meant.get("display"))
    raise MapError(f"tables.{name}", f"{meant!r} is not a code; put codes that YAML reads otherwise into quotes")
