"""Where the mongod program is: the setting, PATH, or the wheel of the `demo` extra.

Spec: https://www.mongodb.com/docs/manual/reference/program/mongod/
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from fhir_server.storage.embedded.failure import EmbeddedError

_WHEEL_PACKAGE = "fiftyone"
_IN_WHEEL = Path("db", "bin", "mongod")


def find(setting: Path | None) -> Path:
    """Return the program to start.

    Errors: EmbeddedError when the setting names no program, or nothing is installed
    """
    if setting is not None:
        if not (setting.is_file() and os.access(setting, os.X_OK)):
            raise EmbeddedError(f"{setting} is not a program: correct the setting `mongod`, or leave it out")
        return setting.absolute()
    on_path = shutil.which("mongod")
    found = Path(on_path) if on_path else _in_wheel()
    if found is None:
        raise EmbeddedError('no mongod found: pip install "fhir-server[demo]", or give --mongo URI of a replica set')
    return found


def _in_wheel() -> Path | None:
    """Return the program that the wheel carries; the wheel itself is not imported."""
    spec = find_spec(_WHEEL_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    return next((path for folder in folders or () if (path := Path(folder) / _IN_WHEEL).is_file()), None)
