"""An npm package of FHIR resources, as the resources by type.

Spec: https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
Package = Mapping[str, list[Resource]]


def read_package(path: Path) -> Package:
    """Return the resources of a package by type, in the order of file names: .tgz or unpacked."""
    package: dict[str, list[Resource]] = {}
    for _, resource in sorted(_files(path), key=lambda named: named[0]):
        if "resourceType" in resource:
            package.setdefault(resource["resourceType"], []).append(resource)
    return package


def _files(path: Path) -> Iterator[tuple[str, Resource]]:
    if path.is_dir():
        yield from ((file.name, json.loads(file.read_bytes())) for file in path.rglob("*.json"))
        return
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".json") else None
            if content is not None:
                yield Path(member.name).name, json.loads(content.read())
