"""FHIRPath tokens to a syntax tree, by operator precedence.

Spec: https://hl7.org/fhirpath/N1/#operator-precedence, https://hl7.org/fhirpath/N1/grammar.html
"""

from decimal import Decimal
from typing import Literal as OneOf

from conformance.fhirpath.lexer import FhirPathError, Token, TokenKind, tokens
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
)

DEEPEST = 150
"""Levels of a tree; who walks it recurses, and a client may have written it (FHIRPath Patch)."""

_STRENGTH = {
    operator: strength
    for strength, operators in enumerate(
        (
            ("implies",),
            ("or", "xor"),
            ("and",),
            ("in", "contains"),
            ("=", "~", "!=", "!~"),
            ("<", "<=", ">", ">="),
            ("|",),
            ("is", "as"),
            ("+", "-", "&"),
            ("*", "/", "div", "mod"),
        ),
        start=1,
    )
    for operator in operators
}
_SIGN_STRENGTH = len({*_STRENGTH.values()}) + 1
_NAMES_TOO = frozenset({"as", "contains", "in", "is"})
_RESERVED = frozenset(_STRENGTH).union({"true", "false"}) - _NAMES_TOO
_PRECISIONS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
_CALENDAR = {name: singular for singular in _PRECISIONS for name in (singular, singular + "s")}


def parse(text: str) -> Node:
    """Return the syntax tree of a FHIRPath expression.

    Errors: FhirPathError naming the position, also for more than DEEPEST levels
    """
    parser = _Parser(tokens(text))
    node = parser.expression(0, 0)
    parser.expect("end", "")
    return node


def type_name(node: Node) -> str | None:
    """Return the type that the argument of `ofType(FHIR.Quantity)` names; None when it is no name of a type."""
    match node:
        case Member(None, name):
            return name
        case Member(Member(None, namespace), name):
            return f"{namespace}.{name}"
        case _:
            return None


class _Parser:
    """A position in the tokens, and a method for each rule of the grammar."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0

    def expression(self, weakest: int, depth: int) -> Node:
        """Parse operators that bind tighter than `weakest`; all of FHIRPath's associate to the left."""
        node = self._signed(depth)
        while (strength := self._infix_strength()) > weakest:
            depth = self._deeper(depth)
            operator = self._advance().text
            if operator in ("is", "as"):
                node = TypeTest("is" if operator == "is" else "as", node, self._qualified_name())
            else:
                node = Binary(operator, node, self.expression(strength, depth))
        return node

    def expect(self, kind: TokenKind, text: str) -> None:
        if not self._at(kind, text):
            raise self._error(f"expected {text!r}" if text else "expected the end")
        self._next += 1

    @property
    def _here(self) -> Token:
        return self._tokens[self._next]

    def _at(self, kind: TokenKind, text: str) -> bool:
        return self._here.kind == kind and self._here.text == text

    def _accept(self, symbol: str) -> bool:
        found = self._at("symbol", symbol)
        self._next += found
        return found

    def _advance(self) -> Token:
        token = self._here
        self._next += 1
        return token

    def _error(self, message: str) -> FhirPathError:
        return FhirPathError(message, self._here.position)

    def _deeper(self, depth: int) -> int:
        if depth >= DEEPEST:
            raise self._error(f"more than {DEEPEST} levels")
        return depth + 1

    def _infix_strength(self) -> int:
        return _STRENGTH.get(self._here.text, 0) if self._here.kind in ("symbol", "name") else 0

    def _signed(self, depth: int) -> Node:
        if self._at("symbol", "-") or self._at("symbol", "+"):
            operator = self._advance().text
            return Unary(operator, self.expression(_SIGN_STRENGTH, self._deeper(depth)))
        return self._path(depth)

    def _path(self, depth: int) -> Node:
        node = self._term(depth)
        while True:
            if self._accept("."):
                depth = self._deeper(depth)
                node = self._invocation(node, depth)
            elif self._accept("["):
                depth = self._deeper(depth)
                node = Index(node, self.expression(0, depth))
                self.expect("symbol", "]")
            else:
                return node

    def _term(self, depth: int) -> Node:
        token = self._here
        if token.kind == "symbol":
            return self._symbol_term(depth)
        if token.kind == "name" and token.text in ("true", "false"):
            self._next += 1
            return Literal(token.text == "true", "Boolean")
        literal = self._literal()
        return self._invocation(None, depth) if literal is None else literal

    def _symbol_term(self, depth: int) -> Node:
        if self._accept("("):
            node = self.expression(0, self._deeper(depth))
            self.expect("symbol", ")")
            return node
        if self._accept("{"):
            self.expect("symbol", "}")
            return Empty()
        if self._accept("%"):
            return Variable(self._advance().text if self._here.kind == "string" else self._name())
        raise self._error("expected a term")

    def _literal(self) -> Node | None:
        token = self._here
        match token.kind:
            case "number":
                return self._number()
            case "string":
                literal = Literal(token.text, "String")
            case "date":
                literal = Literal(token.text, "Date")
            case "datetime":
                literal = Literal(token.text, "DateTime")
            case "time":
                literal = Literal(token.text, "Time")
            case _:
                return None
        self._next += 1
        return literal

    def _number(self) -> Node:
        text = self._advance().text
        if self._here.kind == "string":
            return Quantity(Decimal(text), self._advance().text)
        if self._here.kind == "name" and self._here.text in _CALENDAR:
            return Quantity(Decimal(text), _CALENDAR[self._advance().text], calendar=True)
        return Literal(Decimal(text), "Decimal") if "." in text else Literal(int(text), "Integer")

    def _invocation(self, source: Node | None, depth: int) -> Node:
        if self._here.kind == "special":
            return self._special(source)
        name = self._name()
        if not self._accept("("):
            return Member(source, name)
        arguments: list[Node] = []
        while not self._accept(")"):
            if arguments:
                self.expect("symbol", ",")
            arguments.append(self.expression(0, self._deeper(depth)))
        return Call(source, name, tuple(arguments))

    def _special(self, source: Node | None) -> Special:
        if source is not None:
            raise self._error("a $ variable cannot follow a dot")
        name: OneOf["this", "index", "total"] = self._advance().text  # type: ignore[assignment]  # as the lexer says
        return Special(name)

    def _qualified_name(self) -> str:
        names = [self._name()]
        while self._accept("."):
            names.append(self._name())
        return ".".join(names)

    def _name(self) -> str:
        if self._here.kind == "quoted" or (self._here.kind == "name" and self._here.text not in _RESERVED):
            return self._advance().text
        raise self._error("expected a name")
