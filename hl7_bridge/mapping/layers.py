"""Map files, read and joined in layers: base, then what applies to a version, to a sender, then the user's own.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from hl7_bridge.mapping.errors import MapError

BASE = Path(__file__).parent.parent / "maps"
PARTS = ("segments", "roles", "fragments", "messages", "tables", "systems", "authorities")
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Layer:
    """One map file; it applies to messages whose version and sender (`MSH-3|MSH-4`) match, else to all."""

    origin: str
    content: Mapping[str, Any]
    versions: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()

    def applies(self, version: str, sender: str) -> bool:
        """Return whether the file is meant for messages of this version and sender."""
        return (not self.versions or version in self.versions) and (
            not self.senders or any(fnmatchcase(sender, pattern) for pattern in self.senders)
        )


def load_layers(folders: Iterable[Path] = ()) -> tuple[Layer, ...]:
    """Return the layers of the built-in maps and then those of the folders, each in the order of their names.

    Errors: MapError when a file is no map
    """
    layers = list(base_layers())
    for folder in folders:
        if not folder.is_dir():
            raise MapError(str(folder), "is not a folder")
        layers += [read_layer(path) for path in files(folder)]
    return tuple(layers)


@lru_cache(maxsize=1)
def base_layers() -> tuple[Layer, ...]:
    """Return the built-in maps; what is meant for certain versions or senders comes after what is meant for all."""
    found = [read_layer(path) for path in files(BASE)]
    return tuple(sorted(found, key=lambda layer: (bool(layer.versions), bool(layer.senders))))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())


def read_layer(path: Path) -> Layer:
    """Return the layer of a map file.

    Errors: MapError when the file is no YAML object with the parts of a map
    """
    try:
        content = yaml.load(path.read_text("utf-8"), LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MapError(path.name, f"is no YAML: {error}") from None
    if not isinstance(content, Mapping):
        raise MapError(path.name, "is not an object")
    if unknown := set(content) - {*PARTS, "applies"}:
        raise MapError(path.name, f"has unknown parts: {', '.join(sorted(map(str, unknown)))}")
    applies = content.get("applies") or {}
    versions, senders = (words(applies.get(name, ())) for name in ("version", "sender"))
    return Layer(path.name, content, versions, senders)


def words(described: Any) -> tuple[str, ...]:
    return tuple(map(str, described)) if isinstance(described, list) else (str(described),) if described else ()


def join(layers: Sequence[Layer]) -> dict[str, dict[str, Any]]:
    """Return all parts of the layers joined: later rules replace earlier ones with the same source and target."""
    whole: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for layer in layers:
        for part in PARTS:
            described = layer.content.get(part) or {}
            if not isinstance(described, Mapping):
                raise MapError(f"{layer.origin}: {part}", "is not an object")
            for name, one in described.items():
                known = whole[part].get(str(name))
                whole[part][str(name)] = one if known is None else joined(known, one, part)
    return whole


def joined(known: Any, added: Any, part: str) -> Any:
    """Return one named thing of an earlier layer with what a later layer says about it."""
    if isinstance(known, list) and isinstance(added, list):
        return joined_rules(known, added)
    if isinstance(known, Mapping) and isinstance(added, Mapping):
        merged = dict(known)
        for name, one in added.items():
            merged[name] = joined(merged[name], one, part) if name in merged else one
        return merged
    if part == "segments" and isinstance(known, Mapping) and isinstance(added, list):
        return {**known, "rules": joined_rules(known.get("rules", []), added)}
    if part == "segments" and isinstance(known, list) and isinstance(added, Mapping):
        return {**added, "rules": joined_rules(known, added.get("rules", []))}
    return added


def joined_rules(known: list[Any], added: list[Any]) -> list[Any]:
    """Return the rules of both; `{from: 5, to: name*, remove: true}` takes one away."""
    replaced = {identity(rule) for rule in added}
    kept = [rule for rule in known if identity(rule) is None or identity(rule) not in replaced]
    return [*kept, *(rule for rule in added if not (isinstance(rule, Mapping) and rule.get("remove")))]


def identity(rule: Any) -> tuple[str, str] | None:
    if not isinstance(rule, Mapping) or "to" not in rule:
        return None
    source = next((rule[kind] for kind in ("from", "ref", "each") if kind in rule), "")
    return str(source), str(rule["to"])
