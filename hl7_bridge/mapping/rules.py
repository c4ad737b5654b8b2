"""One line of a map, compiled: what it reads, whether it applies, and where its value goes.

Spec: https://hl7.org/fhir/R4/mapping-language.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hl7_bridge.datatypes import DATATYPES, DataType
from hl7_bridge.datatypes.times import BadValue
from hl7_bridge.er7 import NULL, Field, Segment
from hl7_bridge.mapping.conditions import Condition, compile_condition
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.errors import ConversionError, MapError
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.places import Place, place
from hl7_bridge.mapping.scope import Scope
from hl7_bridge.mapping.tables import Table
from hl7_bridge.mapping.targets import Put, compile_target, has_target, removed

Run = Callable[[Segment, Draft, Scope, Context], int]
"""Applies a rule; returns the bits of the fields that it took something from."""

KEYS = {"from", "to", "as", "table", "value", "with", "when", "ref", "each", "call", "clear", "fallback", "components"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule, with what `explain` says about it."""

    run: Run
    source: Place | None
    target: str
    datatype: str
    many: bool
    reads: frozenset[Place]
    components: frozenset[int] = frozenset()
    needed: int = 1
    """Fields, as bits, without any of which the rule does nothing; bit 0 is always there."""
    outer: bool = False
    """Whether it reads nothing of the segment itself: a reference, or a field of another segment."""
    refers: str = ""
    """The role that a reference leads to."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What rules are compiled from besides themselves."""

    tables: Mapping[str, Table]
    functions: Mapping[str, Function]


def compile_rule(described: Any, parts: Parts, where: str) -> Rule:
    """Return the rule that a map describes.

    Errors: MapError naming the place in the map
    """
    if not isinstance(described, Mapping):
        raise MapError(where, "is not a rule; write {from: 7, to: birthDate, as: date}")
    if unknown := set(described) - KEYS:
        raise MapError(where, f"has unknown parts: {', '.join(sorted(map(str, unknown)))}")
    kinds = [kind for kind in ("from", "value", "ref", "each", "call", "clear") if kind in described]
    if len(kinds) != 1:
        raise MapError(where, "needs one of from, value, ref, each, call and clear")
    compiled = COMPILERS[kinds[0]](described, parts, where)
    if "when" in described or described.get("fallback"):
        return conditional(compiled, described, where)
    return compiled


def conditional(rule: Rule, described: Mapping[str, Any], where: str) -> Rule:
    """Return the rule with its `when` and `fallback` in front."""
    run, reads, target = rule.run, rule.reads, rule.target
    if described.get("fallback"):
        inner = run
        simple = target.rstrip("*")
        run = lambda segment, draft, scope, context: (  # noqa: E731
            0
            if simple in draft.resource or has_target(draft.resource, target)
            else inner(segment, draft, scope, context)
        )
    if "when" in described:
        condition, places = compile_condition(described["when"], where)
        run, reads = when(condition, run, bits(places)), reads | places
    return replace(rule, run=run, reads=reads, outer=False)


def when(condition: Condition, run: Run, mask: int) -> Run:
    def applied(segment: Segment, draft: Draft, scope: Scope, context: Context) -> int:
        if not condition(segment, scope):
            return 0
        return run(segment, draft, scope, context) | mask

    return applied


def bits(places: frozenset[Place]) -> int:
    """Return the fields of the rule's own segment as bits."""
    found = 0
    for one in places:
        if not one.segment:
            found |= 1 << one.field
    return found


def compile_from(described: Mapping[str, Any], parts: Parts, where: str) -> Rule:
    source = place(described["from"], where)
    kind = described.get("as", "ST")
    if kind not in DATATYPES:
        raise MapError(where, f"{kind!r} is no datatype; there are {', '.join(DATATYPES)}")
    table = None
    if "table" in described:
        table = parts.tables.get(str(described["table"]))
        if table is None:
            raise MapError(where, f"there is no table {described['table']!r}")
    target = described.get("to")
    put = compile_target(target, described.get("with"), where)
    many = "*" in str(target)
    run = Reading(source, DATATYPES[kind], table, put, removal(described, kind, table), many)
    components = frozenset({source.component}) if source.component else DATATYPES[kind].reads
    needed = 1 if source.segment else 1 << source.field
    return Rule(run, source, str(target), kind, many, frozenset({source}), components, needed, bool(source.segment))


def removal(described: Mapping[str, Any], kind: str, table: Table | None) -> str | None:
    """Return what a null in the field of a rule removes, None for nothing: other fields may fill the same list.

    Numbers are what resources are found by: none goes but those that are told by their kind.
    """
    target, fixed = str(described.get("to")), described.get("with")
    if target == "identifier*":
        return removed(target, {"type": {"coding": [{"code": NUMBERS[kind]}]}}) if kind in NUMBERS else None
    if target == "telecom*" and not fixed:
        return removed(target, {"use": table.absent.code}) if table and table.absent else None
    return removed(target, fixed)


NUMBERS: Final[Mapping[str, str]] = {"SSN": "SS", "DLN": "DL"}
"""Datatypes of fields that hold numbers of one kind, by the kind's code."""


class Reading:
    """Reads a field's repetitions, converts each, and puts the values to their target."""

    __slots__ = ("_base", "_bit", "_convert", "_many", "_memory", "_put", "_source", "_table")

    def __init__(
        self, source: Place, datatype: DataType, table: Table | None, put: Put, base: str | None, many: bool
    ) -> None:
        self._source = source
        self._convert = datatype.convert
        self._memory = datatype.memory
        self._table = table
        self._put = put
        self._base = base
        self._many = many
        self._bit = 0 if source.segment else 1 << source.field

    def __call__(self, segment: Segment, draft: Draft, scope: Scope, context: Context) -> int:
        source = self._source
        if source.segment:
            found = scope.segment(source.segment)
            if found is None:
                return 0
            segment = found
        raw = segment.raw(source.field)
        if not raw:
            return 0
        kind = self._memory
        if kind == "none":
            values = self._converted(segment, context)
        else:
            memory = context.memory if kind == "message" else context.sender_memory
            known: list[Any] | None = memory.get((self, raw))
            values = self._converted(segment, context) if known is None else known
            if known is None and len(raw) <= REMEMBERED:
                memory[self, raw] = values
        for value in values:
            if value is NULL_VALUE:
                if self._base is not None:
                    draft.clears.add(self._base)
            else:
                self._put(draft.resource, value)
        return self._bit if values else 0

    def _converted(self, segment: Segment, context: Context) -> list[Any]:
        """Return the values of a field: those of all repetitions, or the first there is; nulls among them."""
        values: list[Any] = []
        for field in segment.repetitions(self._source.field):
            if field.is_null:
                values.append(NULL_VALUE)
            elif field and (value := self._value(field, segment, context)) is not None:
                values.append(value)
                if not self._many:
                    break
        return values

    def _value(self, field: Field, segment: Segment, context: Context) -> Any:
        source = self._source
        text = part(field, source) if source.component else without_nulls(field)
        try:
            return self._convert(text, context, self._table)
        except BadValue as error:
            component = source.component or error.component
            raise ConversionError(
                "102", str(error), segment=segment.name, field=source.field, component=component
            ) from None


REMEMBERED: Final = 200
"""Characters of the longest field whose values are kept for the next message: what a sender fills is bounded."""
NULL_VALUE: Final = object()
"""Stands for a field that the sender deletes."""


class Part:
    """A component or subcomponent of a field, read as a field of its own."""

    __slots__ = ("_component", "_field", "_subcomponent")

    def __init__(self, field: Field, component: int, subcomponent: int) -> None:
        self._field = field
        self._component = component
        self._subcomponent = subcomponent

    def value(self, component: int = 1, subcomponent: int = 1) -> str:
        if subcomponent > 1 or (self._subcomponent and component > 1):
            return ""
        text = self._field.value(self._component, self._subcomponent or component)
        return "" if text == NULL else text

    @property
    def text(self) -> str:
        return self.value()


def part(field: Field, source: Place) -> Part:
    return Part(field, source.component, source.subcomponent)


def without_nulls(field: Field) -> Any:
    """Return the field; a view of it when some component is `""`, which as a part means nothing."""
    return NullFree(field) if NULL in field.er7 else field


class NullFree:
    """A field whose null components read as absent."""

    __slots__ = ("_field",)

    def __init__(self, field: Field) -> None:
        self._field = field

    def value(self, component: int = 1, subcomponent: int = 1) -> str:
        text = self._field.value(component, subcomponent)
        return "" if text == NULL else text

    @property
    def text(self) -> str:
        return self._field.text.replace(NULL, "")


def compile_value(described: Mapping[str, Any], _parts: Parts, where: str) -> Rule:
    target, value = described.get("to"), described["value"]
    put = compile_target(target, described.get("with"), where)

    def run(_segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> int:
        put(draft.resource, value)
        return 0

    return Rule(run, None, str(target), "value", False, frozenset())


def compile_ref(described: Mapping[str, Any], _parts: Parts, where: str) -> Rule:
    target, role = described.get("to"), str(described["ref"])
    put = compile_target(target, described.get("with"), where)

    def run(_segment: Segment, draft: Draft, scope: Scope, _context: Context) -> int:
        found = scope.find(role)
        if found is not None and found is not draft:
            put(draft.resource, found.reference)
        return 0

    return Rule(run, None, str(target), f"reference to {role}", False, frozenset(), outer=True, refers=role)


def compile_each(described: Mapping[str, Any], _parts: Parts, where: str) -> Rule:
    target, role = described.get("to"), str(described["each"])
    put = compile_target(target, described.get("with"), where)

    def run(_segment: Segment, draft: Draft, scope: Scope, _context: Context) -> int:
        for found in scope.every(role):
            if found is not draft:
                put(draft.resource, found.reference)
        return 0

    return Rule(run, None, str(target), f"references to {role}", True, frozenset())


def compile_clear(described: Mapping[str, Any], _parts: Parts, where: str) -> Rule:
    target = described["clear"]
    if not isinstance(target, str):
        raise MapError(where, "clear names no path")

    def run(_segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> int:
        draft.clears.add(target)
        return 0

    return Rule(run, None, target, "removed", False, frozenset())


def compile_call(described: Mapping[str, Any], parts: Parts, where: str) -> Rule:
    name = described["call"]
    function = parts.functions.get(name)
    if function is None:
        raise MapError(where, f"there is no function {name!r}; there are {', '.join(parts.functions)}")
    call, mask = function.call, function.mask

    def run(segment: Segment, draft: Draft, scope: Scope, context: Context) -> int:
        try:
            call(segment, draft, scope, context)
        except BadValue as error:
            field = next(iter(function.reads), 0)
            raise ConversionError(
                "102", str(error), segment=segment.name, field=field, component=error.component
            ) from None
        return mask

    reads = frozenset(Place("", field) for field in function.reads)
    needed = mask if function.optional else 1
    return Rule(run, None, function.target, f"function {name}", True, reads, needed=needed)


COMPILERS: Mapping[str, Callable[[Mapping[str, Any], Parts, str], Rule]] = {
    "from": compile_from,
    "value": compile_value,
    "ref": compile_ref,
    "each": compile_each,
    "call": compile_call,
    "clear": compile_clear,
}
