"""Grammars of messages, compiled from hl7apy's tables: read from the package's data file once per process.

    MSH SFT* PATIENT_RESULT+( PATIENT?( PID PD1? ) ORDER_OBSERVATION+( ORC? OBR NTE* ) ) DSC?

? may be absent, * may repeat or be absent, + may repeat; (| a b ) is a choice.
Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 (chapter 2, message structure)
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from hl7_bridge.er7 import Message
from hl7_bridge.versions import nearest

DATA: Final = "structures.json.gz"
ANY: Final = "ANYHL7SEGMENT"
"""Stands in a grammar where any segment may."""

_LATEST: Final = "2.8.2"
_OTHERS: Final = ("2.5.1", "2.6", _LATEST)
"""Versions whose grammar serves where the message's own has none."""

_LIKE: Final = {"2.7.1": "2.7", "2.9": _LATEST}
"""Versions that the tables lack, and the one they are read as."""


@dataclass(frozen=True, slots=True)
class Part:
    """A segment, or a group of parts; `least` 0 or 1 times, and `repeats` or not."""

    name: str
    least: int = 1
    repeats: bool = False
    parts: tuple["Part", ...] = ()
    choice: bool = False


def grammar_of(message: Message) -> Part | None:
    """Return the grammar of a message: by MSH-9.3, else by its event; None when there is no such message."""
    version, _ = nearest(message.version)
    version = _LIKE.get(version, version)
    candidates = (grammar_named(one, name) for one in (version, *_OTHERS) for name in _names(message))
    return next(filter(None, candidates), None)


def _names(message: Message) -> Iterator[str]:
    yield message.structure
    yield f"{message.type}_{message.trigger}"
    events: Mapping[str, str] = _tables()["events"]
    yield events.get(f"{message.type}_{message.trigger}", message.type)


@lru_cache(maxsize=256)  # names come from messages: whatever senders write there, memory has an end
def grammar_named(version: str, structure: str) -> Part | None:
    """Return the grammar of one structure ("ORU_R01") in one version."""
    text = _tables()["structures"].get(version, {}).get(structure)
    return parse_grammar(structure, text) if text else None


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(gzip.decompress((files("hl7_bridge") / "structure" / DATA).read_bytes()))
    return tables


_TOKEN: Final = re.compile(r"(\w+)([?*+]?)(\(\|?)?|(\))")


def parse_grammar(name: str, text: str) -> Part:
    """Return the grammar that a text in this module's form denotes."""
    tokens = _TOKEN.finditer(text)
    return Part(name, parts=_parts(tokens))


def _parts(tokens: Iterator[re.Match[str]]) -> tuple[Part, ...]:
    found = []
    for token in tokens:
        if token[4]:
            break
        inner = _parts(tokens) if token[3] else ()
        found.append(Part(token[1], int(token[2] not in ("?", "*")), token[2] in ("*", "+"), inner, token[3] == "(|"))
    return tuple(found)
