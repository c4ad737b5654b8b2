"""The syntax tree of a FHIRPath expression.

Spec: https://hl7.org/fhirpath/N1/grammar.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal as OneOf
from typing import TypeAlias

LiteralType = OneOf["Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time"]


@dataclass(frozen=True, slots=True)
class Empty:
    """`{}`: the empty collection."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal of a System type; dates and times stay text without their `@` (and `T` of a time): "2024-05"."""

    value: bool | int | Decimal | str
    type: LiteralType


@dataclass(frozen=True, slots=True)
class Quantity:
    """`4 'mg'` or `4 days`: `calendar` tells a calendar duration (singular: "day") from a UCUM unit."""

    value: Decimal
    unit: str
    calendar: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """`%name`: a value that the environment supplies."""

    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """`$this`, `$index` or `$total` inside an iterating function."""

    name: OneOf["this", "index", "total"]


@dataclass(frozen=True, slots=True)
class Member:
    """`source.name`; without source, a member of the focus or, when first of a path, the name of a type."""

    source: "Node | None"
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """`source.name(arguments)`; without source it is applied to the focus."""

    source: "Node | None"
    name: str
    arguments: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """`source[position]`."""

    source: "Node"
    position: "Node"


@dataclass(frozen=True, slots=True)
class Unary:
    """`-operand` or `+operand`."""

    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is type` or `operand as type`; the type's name may carry a namespace: "FHIR.Patient"."""

    operator: OneOf["is", "as"]
    operand: "Node"
    type: str


Node: TypeAlias = Empty | Literal | Quantity | Variable | Special | Member | Call | Index | Unary | Binary | TypeTest


def alternatives(node: Node) -> Iterator[Node]:
    """Yield the expressions that "|" joins; one without it is its only alternative."""
    if isinstance(node, Binary) and node.operator == "|":
        yield from alternatives(node.left)
        yield from alternatives(node.right)
    else:
        yield node
