"""What is sent: Synthea's patients if they are there, else the generated clinic, as often as needed.

Spec: https://hl7.org/fhir/R4/bundle.html
"""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from fhir_server.demo import clinic
from fhir_server.kernel.fhir_json import decode, encode

SYNTHEA = Path(__file__).parent.parent.parent / "shared" / "data" / "synthea"
_CLINICS = 14


@dataclass(frozen=True, slots=True)
class Material:
    """Transaction Bundles as text, and the resources in them as text."""

    name: str
    bundles: Sequence[bytes]
    resources: Sequence[bytes]

    def of_type(self, type_: str) -> list[bytes]:
        return [text for text in self.resources if decode(text)["resourceType"] == type_]


def material() -> Material:
    """Return the best material at hand."""
    files = sorted(SYNTHEA.glob("*.json.gz"))
    if files:
        return _material("Synthea", [gzip.decompress(path.read_bytes()) for path in files])
    return _material("generated clinics", [encode(clinic(seed, date(2026, 1, 1))) for seed in range(_CLINICS)])


def _material(name: str, bundles: Sequence[bytes]) -> Material:
    entries: list[dict[str, Any]] = [entry for bundle in bundles for entry in decode(bundle)["entry"]]
    return Material(name, bundles, [encode(entry["resource"]) for entry in entries])
