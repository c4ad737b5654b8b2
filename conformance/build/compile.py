"""All data files of a definition package: what goes into which file, and how it is written.

Spec: https://hl7.org/fhir/R4/downloads.html
"""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.build.operations import compartments, operations
from conformance.build.package import Package, Resource
from conformance.build.search_parameters import search_parameters
from conformance.build.structures import invariants, structures, types_of
from conformance.build.terminology import concept_maps, expansions, terminology

Files = Mapping[str, Any]


def compiled(package: Package) -> Files:
    """Return the content of each data file by its name."""
    definitions = types_of(package)
    return {
        "structures": {"version": "4.0.1", "types": structures(definitions)},
        "invariants": invariants(definitions),
        "bindings": expansions(package, _required_value_sets(definitions)),
        "search-parameters": search_parameters(package),
        "compartments": compartments(package),
        "operations": operations(package),
        "terminology": terminology(package) | {"concept_maps": concept_maps(package)},
    }


def write(files: Files, folder: Path) -> None:
    """Write each data file as gzipped JSON; the same content always gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.json.gz").write_bytes(gzip.compress(encode(content), 9, mtime=0))


def encode(content: object) -> bytes:
    """Return the JSON text of one data file."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _required_value_sets(definitions: list[Resource]) -> list[str]:
    bindings = [
        element["binding"]
        for definition in definitions
        for element in definition["snapshot"]["element"]
        if element.get("binding", {}).get("strength") == "required"
    ]
    return sorted({binding["valueSet"].partition("|")[0] for binding in bindings if "valueSet" in binding})
