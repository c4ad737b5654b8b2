"""What a map's `call` may name: code for what data cannot say, such as a value whose datatype another field tells.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hl7_bridge.datatypes.times import BadValue, date_time
from hl7_bridge.er7 import NULL, Segment
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.errors import ConversionError
from hl7_bridge.mapping.scope import Scope

Call = Callable[[Segment, Draft, Scope, Context], None]


@dataclass(frozen=True, slots=True)
class Function:
    """A function, the fields of its segment that it reads (an error names the first), what it fills (for explain).

    `optional`: without any of these fields it has nothing to do, and is not called.
    """

    call: Call
    reads: tuple[int, ...] = ()
    target: str = ""
    optional: bool = False
    mask: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", sum(1 << number for number in set(self.reads)))


def moment(segment: Segment, number: int, context: Context) -> str | None:
    """Return the dateTime of a field, None when it is absent or null.

    Errors: ConversionError naming the field, when it holds something else
    """
    text = segment.value(number)
    try:
        return None if text == NULL else date_time(text, context.zone)
    except BadValue as error:
        raise ConversionError("102", str(error), segment=segment.name, field=number, component=1) from None
