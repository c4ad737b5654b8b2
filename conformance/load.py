"""The compiled definitions of FHIR R4, read from the package's data files once per process.

Spec: https://hl7.org/fhir/R4/downloads.html
"""

import gzip
from functools import cache
from importlib.resources import files

import msgspec

from conformance.definitions import (
    CodeSet,
    Definitions,
    Invariant,
    OperationDefinition,
    SearchParameter,
    TypeDefinition,
)


class _Structures(msgspec.Struct):
    version: str
    types: dict[str, TypeDefinition]


class _Bindings(msgspec.Struct):
    value_sets: dict[str, CodeSet]
    unexpandable: dict[str, str]


@cache
def definitions() -> Definitions:
    """Return everything that FHIR R4 defines, but for terminology content (see `conformance.terminology`)."""
    structures = msgspec.json.decode(read("structures"), type=_Structures)
    bindings = msgspec.json.decode(read("bindings"), type=_Bindings)
    parameters = msgspec.json.decode(read("search-parameters"), type=dict[str, dict[str, SearchParameter]])
    concrete = [t.name for t in structures.types.values() if t.kind == "resource" and not t.abstract]
    return Definitions(
        version=structures.version,
        types=structures.types,
        resource_types=frozenset(concrete),
        value_sets=bindings.value_sets,
        unexpandable=bindings.unexpandable,
        search_parameters={name: _with_inherited(name, structures.types, parameters) for name in concrete},
        compartments=msgspec.json.decode(read("compartments"), type=dict[str, dict[str, tuple[str, ...]]]),
        operations=msgspec.json.decode(read("operations"), type=tuple[OperationDefinition, ...]),
        invariants=msgspec.json.decode(read("invariants"), type=dict[str, Invariant]),
    )


def read(name: str) -> bytes:
    """Return the JSON text of one compiled data file, named without its suffix."""
    return gzip.decompress((files("conformance") / "data" / f"{name}.json.gz").read_bytes())


def _with_inherited(
    name: str, types: dict[str, TypeDefinition], parameters: dict[str, dict[str, SearchParameter]]
) -> dict[str, SearchParameter]:
    base = types[name].base
    inherited = _with_inherited(base, types, parameters) if base else {}
    return inherited | parameters.get(name, {})
