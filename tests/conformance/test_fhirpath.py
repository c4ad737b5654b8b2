"""The FHIRPath parser: every rule of the grammar, precedence, and errors that name the position."""

from decimal import Decimal

import pytest

from conformance import definitions
from conformance.fhirpath import (
    Binary,
    Call,
    Empty,
    FhirPathError,
    Index,
    Literal,
    Member,
    Node,
    Quantity,
    Special,
    TypeTest,
    Unary,
    Variable,
    parse,
    type_name,
)

A, B, C, D = (Member(None, name) for name in "abcd")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", Empty()),
        ("true", Literal(True, "Boolean")),
        ("false", Literal(False, "Boolean")),
        ("42", Literal(42, "Integer")),
        ("0.10", Literal(Decimal("0.10"), "Decimal")),
        ("'it\\'s \\u00e9\\n'", Literal("it's é\n", "String")),
        ("@2024", Literal("2024", "Date")),
        ("@2024-05-17", Literal("2024-05-17", "Date")),
        ("@2024T", Literal("2024T", "DateTime")),
        ("@2024-05-17T10:30:00.5+02:00", Literal("2024-05-17T10:30:00.5+02:00", "DateTime")),
        ("@2024-05-17T10Z", Literal("2024-05-17T10Z", "DateTime")),
        ("@T10:30", Literal("10:30", "Time")),
        ("4 'mg'", Quantity(Decimal(4), "mg")),
        ("4.5 days", Quantity(Decimal("4.5"), "day", calendar=True)),
        ("1 millisecond", Quantity(Decimal(1), "millisecond", calendar=True)),
    ],
)
def test_literals_keep_their_type_and_digits(text: str, expected: Node) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b", Member(A, "b")),
        ("a.`b c`", Member(A, "b c")),
        ("`and`", Member(None, "and")),
        ("a.as.contains", Member(Member(A, "as"), "contains")),
        ("a[0].b", Member(Index(A, Literal(0, "Integer")), "b")),
        ("f()", Call(None, "f")),
        ("a.f(b, 1)", Call(A, "f", (B, Literal(1, "Integer")))),
        ("a.where($this = $index)", Call(A, "where", (Binary("=", Special("this"), Special("index")),))),
        ("a.aggregate($total)", Call(A, "aggregate", (Special("total"),))),
        ("%resource.a", Member(Variable("resource"), "a")),
        ("%`vs-name`", Variable("vs-name")),
        ("%'vs-name'", Variable("vs-name")),
        ("(a | b).c", Member(Binary("|", A, B), "c")),
        ("a /* x */ . b // y", Member(A, "b")),
    ],
)
def test_paths(text: str, expected: Node) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-a.b", Unary("-", Member(A, "b"))),
        ("-a * b", Binary("*", Unary("-", A), B)),
        ("a + b * c", Binary("+", A, Binary("*", B, C))),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a & b is string", TypeTest("is", Binary("&", A, B), "string")),
        ("a + b as string", TypeTest("as", Binary("+", A, B), "string")),
        ("a as FHIR.Quantity | b", Binary("|", TypeTest("as", A, "FHIR.Quantity"), B)),
        ("a | b > c", Binary(">", Binary("|", A, B), C)),
        ("a < b = c >= d", Binary("=", Binary("<", A, B), Binary(">=", C, D))),
        ("a = b in c", Binary("in", Binary("=", A, B), C)),
        ("a contains b and c", Binary("and", Binary("contains", A, B), C)),
        ("a or b and c xor d", Binary("xor", Binary("or", A, Binary("and", B, C)), D)),
        ("a or b implies c", Binary("implies", Binary("or", A, B), C)),
        ("a !~ b", Binary("!~", A, B)),
        ("a div b mod c", Binary("mod", Binary("div", A, B), C)),
    ],
)
def test_operators_bind_in_the_order_of_the_specification(text: str, expected: Node) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("a..b", 2),
        ("a b", 2),
        ("'open", 0),
        ("f(a", 3),
        ("f(a,)", 4),
        ("f(a b)", 4),
        ("a[", 2),
        ("a.b[1", 5),
        ("@20", 0),
        ("a.$this", 2),
        ("a + ", 4),
        ("{a}", 1),
        ("$foo", 0),
        ("'\\q'", 0),
        ("and", 0),
        ("a is", 4),
        ("a is 4", 5),
        ("%", 1),
        ("a # b", 2),
        (")", 0),
    ],
)
def test_bad_text_is_refused_with_its_position(text: str, position: int) -> None:
    with pytest.raises(FhirPathError) as caught:
        parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize("text", ["(" * 5000, "a" + ".a" * 5000, "-" * 5000, "a" + "[0]" * 5000, "a|" * 5000 + "a"])
def test_a_tree_too_deep_to_walk_is_refused(text: str) -> None:
    with pytest.raises(FhirPathError, match="levels"):
        parse(text)


def test_a_type_argument_is_read_as_a_name() -> None:
    assert [type_name(parse(text)) for text in ("Quantity", "FHIR.Quantity", "a.b.c", "'Quantity'")] == [
        "Quantity",
        "FHIR.Quantity",
        None,
        None,
    ]


def test_every_invariant_of_the_standard_parses() -> None:
    expressions = {invariant.expression for invariant in definitions().invariants.values()}
    assert len(expressions) > 190
    for expression in expressions:
        parse(expression)
