"""Where the values of each search parameter are stored, and which database indexes serve them.

Parameters named in `fields.toml` have fields of their own with compound indexes; all others lie in one subdocument
under one wildcard index, so that every parameter is served from an index and none costs one of its own.

Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from conformance.definitions import SearchKind, SearchParameter
from fhir_server.kernel.fhir_time import EARLIEST
from fhir_server.kernel.layout import COMPARTMENTS, ID, INDEX, IndexSpec
from fhir_server.kernel.query import SortKey
from fhir_server.search.targets import narrowed

LAST_UPDATED = "_lastUpdated"

_RARE = f"{INDEX}.rare"
_UNINDEXED = f"{INDEX}.other"
_UNINDEXED_VARIANTS = frozenset({"exact"})


@dataclass(frozen=True, slots=True)
class Field:
    """The stored values of one parameter: at `path`, as one value when `single`, else as an array.

    A variant is what a modifier asks for, kept beside: ":text" of a token, ":exact" of a string.

    Shape: `targets` are the types that a reference may be of, `canonical` says that it may name its target by URL;
           `systems` are those that tokens have without saying so, None where values say it themselves
    """

    code: str
    path: str
    single: bool = False
    targets: tuple[str, ...] = ()
    systems: frozenset[str] | None = None
    canonical: bool = False

    def variant(self, name: str) -> "Field":
        folder = _UNINDEXED if name in _UNINDEXED_VARIANTS else _RARE
        return Field(self.code, f"{folder}.{self.code}:{name}")


@dataclass(frozen=True, slots=True)
class Curated:
    """One compound index of a type: what it finds by equality, and what it orders hits by after that."""

    equals: tuple[str, ...]
    ordered: str | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class TypeFields:
    """The row of one type in `fields.toml`."""

    single: frozenset[str]
    indexes: tuple[Curated, ...]
    unions: Mapping[str, tuple[str, ...]]

    @property
    def own(self) -> frozenset[str]:
        """The parameters that do not live in the wildcard index."""
        indexed = (code for index in self.indexes for code in (*index.equals, index.ordered) if code)
        return self.single.union(indexed)


@cache
def table() -> Mapping[str, TypeFields]:
    """Return the rows of `fields.toml` by resource type."""
    text = (files("fhir_server.search") / "fields.toml").read_text("utf-8")
    return {type_: _row(**row) for type_, row in tomllib.loads(text).items()}


_ORDINARY = TypeFields(frozenset({LAST_UPDATED}), (Curated((), LAST_UPDATED, descending=True),), {})


def of_type(type_: str) -> TypeFields:
    """Return the fields and indexes of a type; every type has its instants of last update indexed."""
    row = table().get(type_)
    if row is None:
        return _ORDINARY
    return TypeFields(row.single | _ORDINARY.single, row.indexes + _ORDINARY.indexes, row.unions)


def unions(type_: str) -> Mapping[str, tuple[str, ...]]:
    """Return the parameters of a type that others make up: {"combo-code": ("code", "component-code")}."""
    return of_type(type_).unions


def field(
    type_: str,
    parameter: SearchParameter,
    *,
    targets: tuple[str, ...] = (),
    systems: frozenset[str] | None = None,
    canonical: bool = False,
) -> Field:
    """Return where a parameter of a type is stored."""
    row, code = of_type(type_), parameter.code
    single = code in row.single or parameter.type == "special"
    folder = INDEX if single or code in row.own else _RARE
    if targets and parameter.expression:
        targets = narrowed(targets, parameter.expression)
    return Field(code, f"{folder}.{code}", single, targets, systems, canonical)


_ORDER_PATH: Mapping[SearchKind, str] = {"date": ".low", "number": ".low", "quantity": ".canonical.high"}
_LOWEST: Mapping[SearchKind, object] = {"date": EARLIEST, "number": float("-inf"), "quantity": float("-inf")}


def sort_key(where: Field, kind: SearchKind, *, descending: bool) -> SortKey:
    """Return the key that sorts by a stored parameter."""
    return SortKey(
        path=where.path + _ORDER_PATH.get(kind, ""),
        lowest=_LOWEST.get(kind, ""),
        descending=descending,
        single=where.single,
        marked=kind == "token",
    )


def several(where: Field) -> str:
    """Return the path that only those resources have which have several codes in a field: each is stored twice."""
    return f"{where.path}.2"


def part(number: int) -> str:
    """Return the stored name of a component of a composite: no bare number, which MongoDB takes for a position."""
    return f"part{number}"


def index_specs(type_: str, parameters: Mapping[str, SearchParameter]) -> tuple[IndexSpec, ...]:
    """Return the database indexes of a type's collection of current versions."""
    specs = [_spec(name, keys) for index in of_type(type_).indexes for name, keys in _keys(type_, index, parameters)]
    specs += [
        _spans(field(type_, parameters[code]))
        for code in sorted(of_type(type_).single)
        if parameters[code].type == "date" and code != LAST_UPDATED  # an instant is short
    ]
    specs += [
        IndexSpec(f"{code}.several", ((several(field(type_, parameters[code])), 1),), {"sparse": True})
        for code in sorted(of_type(type_).own - of_type(type_).single)
        if parameters[code].type == "token"
    ]
    specs.append(_spec("rare", [(f"{_RARE}.$**", 1)]))
    specs.append(_spec("compartments", [(COMPARTMENTS, 1), (ID, -1)]))
    places = (code for code, parameter in parameters.items() if parameter.type == "special" and parameter.expression)
    return (*specs, *(IndexSpec(code, ((f"{INDEX}.{code}", "2dsphere"),)) for code in places))


def _spans(where: Field) -> IndexSpec:
    """Return the index of the few intervals of more than a month."""
    keys = ((f"{where.path}.span", 1), (f"{where.path}.low", -1), (ID, 1), (f"{where.path}.high", 1))
    return IndexSpec(f"{where.code}.span", keys, {"partialFilterExpression": {f"{where.path}.span": True}})


def _spec(name: str, keys: Sequence[tuple[str, int]]) -> IndexSpec:
    # An index on composites alone has no keys of the many documents without any.
    return IndexSpec(name, tuple(keys), {"sparse": True} if f".{part(1)}" in keys[0][0] else {})


def _keys(
    type_: str, index: Curated, parameters: Mapping[str, SearchParameter]
) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Yield the name and keys of the database indexes behind one curated index.

    The far end of an interval comes last: a condition on it is then decided without reading the document.
    """
    name = "_".join((*index.equals, *((index.ordered,) if index.ordered else ())))
    equals = [(field(type_, parameters[code]).path, 1) for code in index.equals]
    if index.ordered is None and parameters[index.equals[-1]].type == "composite":
        path = equals[-1][0]
        yield name, [*equals[:-1], (f"{path}.{part(1)}", 1), (f"{path}.{part(2)}.high", 1)]
        yield f"{name}.canonical", [*equals[:-1], (f"{path}.{part(1)}", 1), (f"{path}.{part(2)}.canonical.high", 1)]
        return
    if index.ordered is None:
        yield name, [*equals, (ID, -1)]
        return
    where, kind = field(type_, parameters[index.ordered]), parameters[index.ordered].type
    way = -1 if index.descending else 1
    if kind == "date":
        yield name, [*equals, (f"{where.path}.low", way), (ID, -way), (f"{where.path}.high", 1)]
        return
    for form in ("", ".canonical"):
        path = where.path + form
        # Values in a base unit are always asked for with their unit: without it first, all units would be read.
        unit = [(f"{path}.unit", 1)] if form else []
        yield name + form, [*equals, *unit, (f"{path}.high", way), (ID, -way), (f"{path}.low", 1)]


def _row(single: list[str], indexes: list[list[str]], unions: Mapping[str, list[str]] | None = None) -> TypeFields:
    made_up = {code: tuple(parts) for code, parts in (unions or {}).items()}
    return TypeFields(frozenset(single), tuple(_curated(codes) for codes in indexes), made_up)


def _curated(codes: list[str]) -> Curated:
    *equals, last = codes
    if last.startswith("-"):
        return Curated(tuple(equals), last[1:], descending=True)
    if last.startswith("+"):
        return Curated(tuple(equals), last[1:])
    return Curated((*equals, last))
