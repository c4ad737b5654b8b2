"""FHIR codes to values of HL7 v2 tables, from `vocabulary.yaml`.

Spec: https://terminology.hl7.org/codesystems-v2.html
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


def code(table: str, value: Any, default: str = "") -> str:
    """Return the v2 code of a FHIR code in a table of the file."""
    return _tables()[table].get(value, default) if isinstance(value, str) else default


def code_of(table: str, concept: Any, default: str = "") -> str:
    """Return the v2 code of the first coding of a CodeableConcept that the table knows."""
    codings = concept.get("coding", ()) if isinstance(concept, dict) else ()
    return next((found for coding in codings if (found := code(table, coding.get("code")))), default)


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    tables: Mapping[str, Mapping[str, str]] = yaml.safe_load(
        (files("hl7_bridge") / "outbound" / "vocabulary.yaml").read_text("utf-8")
    )
    return tables
