"""Search parameter expressions compiled once to closures from JSON to typed values.

A subset of FHIRPath: members, `as`, `ofType`, `is`, `where`, `extension`, `|`, positions, `=`, `!=`, `~`, the order of
numbers, `and`, `or`, `xor`, `implies`, `not`, `exists`, `empty`, `hasExtension` and `resolve() is Type`, which reads
the type off the reference. That is more than the expressions of R4's own search parameters use.

Spec: https://hl7.org/fhir/R4/searchparameter.html#expression
"""

from conformance.paths.compiler import (
    Composite,
    compile,
    compile_composite,
    compile_condition,
    compile_from,
    selected_types,
    type_named,
)
from conformance.paths.conditions import Condition
from conformance.paths.errors import PathError
from conformance.paths.routes import Extractor, Typed

__all__ = [
    "Composite",
    "Condition",
    "Extractor",
    "PathError",
    "Typed",
    "compile",
    "compile_composite",
    "compile_condition",
    "compile_from",
    "selected_types",
    "type_named",
]
