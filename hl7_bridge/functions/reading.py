"""What functions took from segments that no rule of a map reads: for the list of what is left, and for `explain`.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from collections.abc import Iterator
from contextlib import contextmanager

from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.mapping.places import Place
from hl7_bridge.mapping.rules import Rule
from hl7_bridge.mapping.scope import Scope


@contextmanager
def reading(segment: Segment, number: int) -> Iterator[None]:
    """Name the field in the error, when what is read within is no value of its type."""
    try:
        yield
    except BadValue as error:
        component = error.component
        raise ConversionError("102", str(error), segment=segment.name, field=number, component=component) from None


def take(context: Context, segment: Segment, target: str, *fields: int) -> None:
    """Note that fields of a segment went to an element: "Claim.item"."""
    leave(context, segment, *fields)
    if context.trace is not None:
        role, _, element = target.partition(".")
        rule = Rule(nothing, None, element, "function", True, frozenset(Place("", field) for field in fields))
        context.trace.taken.setdefault(segment.place, []).append((role, rule))


def leave(context: Context, segment: Segment, *fields: int) -> None:
    """Note that fields of a segment have no meaning beyond the message, or only repeat others."""
    mask = sum(1 << field for field in set(fields))
    context.read[segment.place] = context.read.get(segment.place, 0) | mask


def nothing(_segment: Segment, _draft: Draft, _scope: Scope, _context: Context) -> int:
    return 0
