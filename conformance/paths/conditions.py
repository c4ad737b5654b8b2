"""The yes-or-no parts of an expression: criteria of `where`, comparisons and `exists()`, in three-valued logic.

Spec: https://hl7.org/fhirpath/N1/#boolean-logic
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any, TypeAlias

from conformance.fhirpath import Binary, Call, Empty, Literal, Node, TypeTest, type_name
from conformance.paths.errors import PathError
from conformance.paths.routes import Route, Values, walk
from conformance.reference_text import reference_type

Condition: TypeAlias = Callable[[Any], bool | None]
"""Takes a value, gives whether the criteria hold; None is FHIRPath's empty collection."""

BOOLEAN_OPERATORS = frozenset({"=", "!=", "~", "!~", "<", "<=", ">", ">=", "and", "or", "xor", "implies"})
_NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
BOOLEAN_CALLS = frozenset({"exists", "empty", "not", "hasExtension", "is"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """Compiles criteria; `routes` compiles the paths inside them, `type_named` resolves a type's name."""

    routes: Callable[[Node, tuple[Route, ...]], tuple[Route, ...]]
    type_named: Callable[[str], str]

    def condition(self, node: Node, focus: str) -> Condition:
        """Return the closure that decides the criteria for a value of the focus type.

        Errors: PathError for what is not supported
        """
        match node:
            case Binary("=" | "!=" | "~" | "!~" as operator, left, right):
                return _equality(self._values(left, focus), self._values(right, focus), operator in ("=", "~"))
            case Binary("<" | "<=" | ">" | ">=" as operator, left, right):
                return _inequality(self._numbers(left, focus), self._numbers(right, focus), _ORDER[operator])
            case Binary("and" | "or" | "xor" | "implies" as operator, left, right):
                return _LOGIC[operator](self.condition(left, focus), self.condition(right, focus))
            case TypeTest("is", Call(source, "resolve", ()), name):
                return self._refers_to(source, name, focus)
            case TypeTest("is", operand, name):
                return self._is_type(operand, name, focus)
            case Call(source, name, arguments):
                return self._call(node, source, name, arguments, focus)
            case _:
                return _truth(self._values(node, focus))

    def _call(self, node: Call, source: Node | None, name: str, arguments: tuple[Node, ...], focus: str) -> Condition:
        match name, arguments:
            case "exists", (criteria,):
                return _exists(self._values(Call(source, "where", (criteria,)), focus))
            case "exists", ():
                return _exists(self._values(source, focus))
            case "empty", ():
                return _negated(_exists(self._values(source, focus)))
            case "not", () if source is not None:
                return _negated(self.condition(source, focus))
            case "hasExtension", (Literal(str()),):
                return _exists(self._values(Call(source, "extension", arguments), focus))
            case "is", (argument,) if (named := type_name(argument)) and source is not None:
                return self.condition(TypeTest("is", source, named), focus)
            case _ if name in BOOLEAN_CALLS:
                raise PathError(f"{name}() with {len(arguments)} arguments is not supported in a search expression")
            case _:
                return _truth(self._values(node, focus))

    def _values(self, node: Node | None, focus: str) -> Values:
        match node:
            case None:
                return lambda value: (value,)
            case Empty():
                return lambda _value: ()
            case Literal(literal):
                constant = (literal,)
                return lambda _value: constant
            case _:
                walks = [walk(route.steps) for route in self.routes(node, (Route(focus),))]
                return walks[0] if len(walks) == 1 else lambda value: [v for one in walks for v in one(value)]

    def _numbers(self, node: Node, focus: str) -> Values:
        """Return the values of a side of an inequality; the order of dates needs their precision and time zone."""
        match node:
            case Literal(_, "Integer" | "Decimal"):
                pass
            case Literal():
                raise PathError("only numbers are compared by size")
            case _ if not all(route.type in _NUMBERS for route in self.routes(node, (Route(focus),))):
                raise PathError("only numbers are compared by size")
        return self._values(node, focus)

    def _is_type(self, operand: Node, name: str, focus: str) -> Condition:
        everything = self._values(operand, focus)
        of_type = self._values(TypeTest("as", operand, name), focus)
        return lambda value: bool(of_type(value)) if everything(value) else None

    def _refers_to(self, source: Node | None, name: str, focus: str) -> Condition:
        return _resolves_to(self.type_named(name), self._values(source, focus))


def _resolves_to(wanted: str, values: Values) -> Condition:
    relative = f"{wanted}/"

    def holds(value: Any) -> bool:
        for reference in values(value):
            text = reference.get("reference", "") if isinstance(reference, dict) else reference
            if text.startswith(relative) or reference_type(text) == wanted:
                return True
            if reference is not text and reference.get("type") == wanted:
                return True
        return False

    return holds


def _truth(values: Values) -> Condition:
    """A single value that is no boolean counts as true."""

    def holds(value: Any) -> bool | None:
        found = values(value)
        return found[0] is not False if found else None

    return holds


def _exists(values: Values) -> Condition:
    return lambda value: bool(values(value))


def _negated(condition: Condition) -> Condition:
    return lambda value: None if (found := condition(value)) is None else not found


def _equality(left: Values, right: Values, equal: bool) -> Condition:
    def holds(value: Any) -> bool | None:
        ours, theirs = left(value), right(value)
        return _same(ours, theirs) is equal if ours and theirs else None

    return holds


def _inequality(left: Values, right: Values, order: Callable[[Any, Any], bool]) -> Condition:
    def holds(value: Any) -> bool | None:
        ours, theirs = left(value), right(value)
        return order(ours[0], theirs[0]) if len(ours) == len(theirs) == 1 else None

    return holds


def _same(ours: Sequence[Any], theirs: Sequence[Any]) -> bool:
    """Python's True equals 1; FHIRPath's does not."""
    return list(ours) == list(theirs) and [type(v) is bool for v in ours] == [type(v) is bool for v in theirs]


def _and(left: Condition, right: Condition) -> Condition:
    def holds(value: Any) -> bool | None:
        ours = left(value)
        if ours is False:
            return False
        theirs = right(value)
        return False if theirs is False else None if ours is None or theirs is None else True

    return holds


def _or(left: Condition, right: Condition) -> Condition:
    return _negated(_and(_negated(left), _negated(right)))


def _implies(left: Condition, right: Condition) -> Condition:
    return _or(_negated(left), right)


def _xor(left: Condition, right: Condition) -> Condition:
    def holds(value: Any) -> bool | None:
        ours, theirs = left(value), right(value)
        return None if ours is None or theirs is None else ours is not theirs

    return holds


_LOGIC = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}
