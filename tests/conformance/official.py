"""The official R4 package in the cache of `scripts/fetch-definitions`, outside the repository; None where absent."""

import os
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ARCHIVE = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fhir-server" / "hl7.fhir.r4.examples-4.0.1.tgz"
)
needs_official_package = pytest.mark.skipif(not ARCHIVE.is_file(), reason="run scripts/fetch-definitions first")


def texts() -> Iterator[tuple[str, bytes]]:
    """Yield each resource of the package: file name and JSON text."""
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if member.name.endswith(".json") and content is not None and not member.name.endswith("/package.json"):
                yield Path(member.name).name, content.read()


@cache
def examples(*types: str) -> dict[str, bytes]:
    """Return the resources of some types by file name."""
    return {name: text for name, text in texts() if name.partition("-")[0] in types}
