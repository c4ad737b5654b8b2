"""composite: several conditions that one element must satisfy together.

Stored: {part1: […], part2: …}: the first component as its kind stores it, for every combination of the others; so one
compound index can serve all, and $elemMatch finds them in the same element.
Spec: https://hl7.org/fhir/R4/search.html#composite
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from itertools import islice, product
from typing import Any

from conformance.paths import Typed
from fhir_server.kernel.query import Filter
from fhir_server.search.context import Context
from fhir_server.search.fields import Field, part
from fhir_server.search.kinds.kind import Kind, bad_value
from fhir_server.search.syntax import split

_MOST = 1_000
"""Combinations kept of one element: beyond, a resource is built to grow the index, not to be found."""


def combinations(parts: Sequence[Sequence[Typed]], kinds: Sequence[Kind], zone: tzinfo) -> list[dict[str, Any]]:
    """Return what is stored of one element; `parts` are its values by component."""
    first, *others = (kind.extract[""](values, zone) for values, kind in zip(parts, kinds, strict=True))
    names = [part(number) for number in range(2, len(others) + 2)]
    return [
        {part(1): first, **dict(zip(names, combination, strict=True))}
        for combination in islice(product(*others), _MOST)
    ]


def condition(text: str, parts: Sequence[tuple[Kind, Field]], where: Field, context: Context) -> Filter:
    """Return the filter that one element satisfies every part of the value.

    Shape: `parts` are the kinds of the components and the fields of the parameters that they stand for
    """
    texts = split(text, "$")
    if len(texts) != len(parts) or not all(texts):
        raise bad_value(f"a value needs {len(parts)} parts with $ between them")
    together = [
        kind.condition(value, None, replace(field, path=part(number), single=number > 1), context)
        for number, (value, (kind, field)) in enumerate(zip(texts, parts, strict=True), start=1)
    ]
    return {where.path: {"$elemMatch": {"$and": together}}}
