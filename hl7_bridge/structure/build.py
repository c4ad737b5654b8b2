"""`python -m hl7_bridge.structure.build`: compiles hl7apy's message tables to the grammars of `structures.json.gz`.

Run it when hl7apy is renewed; its result is part of the repository.
Spec: https://crs4.github.io/hl7apy/
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any, Final

import hl7apy  # type: ignore[import-untyped] # has no types
import yaml

from hl7_bridge.structure.grammar import DATA

_MARKS: Final = {(1, 1): "", (0, 1): "?", (0, -1): "*", (1, -1): "+"}
_FOLDER: Final = Path(__file__).parent


def tables() -> dict[str, Any]:
    """Return {"structures": {version: {structure: grammar}}, "events": {"ADT_A04": "ADT_A01"}}."""
    structures = {version: _structures(version) for version in hl7apy.SUPPORTED_LIBRARIES}
    described = yaml.safe_load((_FOLDER / "events.yaml").read_text("utf-8"))
    return {
        "structures": structures,
        "events": {event: structure for structure, events in described.items() for event in events},
    }


def _structures(version: str) -> dict[str, str]:
    messages = hl7apy.load_library(version).MESSAGES
    return {name: _grammar(reference, name) for name, reference in messages.items()}


def _grammar(reference: Any, message: str) -> str:
    return " ".join(_part(child, message) for child in reference[1])


def _part(child: Any, message: str) -> str:
    name, reference, cardinality, kind = child
    mark = _MARKS[cardinality]
    if kind == "SEG":
        return f"{name}{mark}"
    # The tables call some sequences choices, such as that of EHC_E01: the parts of a real one are all required.
    choice = reference[0] == "choice" and all(one[2] == (1, 1) for one in reference[1])
    opening = "(|" if choice else "("
    return f"{name.removeprefix(message + '_')}{mark}{opening} {_grammar(reference, message)} )"


def main() -> int:
    """Write the data file."""
    text = json.dumps(tables(), separators=(",", ":"), sort_keys=True)
    (_FOLDER / DATA).write_bytes(gzip.compress(text.encode(), mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
