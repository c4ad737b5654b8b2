"""FHIRPath expressions as syntax trees: the whole grammar; who evaluates or compiles a tree decides what it supports.

Spec: https://hl7.org/fhirpath/N1/grammar.html, https://hl7.org/fhir/R4/fhirpath.html
"""

from conformance.fhirpath.lexer import FhirPathError
from conformance.fhirpath.nodes import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    Quantity,
    Special,
    TypeTest,
    Unary,
    Variable,
    alternatives,
)
from conformance.fhirpath.parser import parse, type_name

__all__ = [
    "Binary",
    "Call",
    "Empty",
    "FhirPathError",
    "Index",
    "Literal",
    "Member",
    "Node",
    "Quantity",
    "Special",
    "TypeTest",
    "Unary",
    "Variable",
    "alternatives",
    "parse",
    "type_name",
]
