"""UCUM units brought to base units, so that 5400 ug is found as 5.4 mg.

Spec: https://ucum.org/ucum, https://hl7.org/fhir/R4/search.html#quantity
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

_TOKEN = re.compile(
    r"(?P<open>\()|(?P<close>\))|(?P<operator>[./])|(?P<annotation>\{[^{}]*\})"
    r"|(?P<power>10[*^])(?P<power_exponent>[+-]?\d{1,2})?"
    r"|(?P<number>[1-9]\d{0,8}(?![*^]))"
    r"|(?P<unit>(?:[^\W\d_]|['\"%*^_]|\[[^\[\]]*\])+)(?P<exponent>[+-]?\d{1,2})?",
    re.ASCII,
)
_LONGEST = 100
_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Converted:
    """A unit in base units: base value = value × factor + offset; `unit` names the base units, sorted ("g.m-3")."""

    unit: str
    factor: Decimal
    offset: Decimal = Decimal(0)

    def apply(self, value: Decimal) -> Decimal:
        return value * self.factor + self.offset


@dataclass(frozen=True, slots=True)
class _Product:
    """A factor and the exponents of base units; `offset` only for a unit that stands alone."""

    factor: Decimal = Decimal(1)
    powers: tuple[tuple[str, int], ...] = ()
    offset: Decimal = Decimal(0)

    def times(self, other: "_Product", exponent: int = 1) -> "_Product":
        powers = dict(self.powers)
        for unit, power in other.powers:
            powers[unit] = powers.get(unit, 0) + power * exponent
        kept = tuple(sorted((unit, power) for unit, power in powers.items() if power))
        return _Product(self.factor * other.factor**exponent, kept)


class _NotUcumError(ValueError):
    """The text is no UCUM unit, or none of the table's."""


@lru_cache(maxsize=4096)
def canonical(code: str) -> Converted | None:
    """Return a UCUM unit in base units, None when it is no unit that is known here.

    Shape: "mg/dL" -> ("g.m-3", 10), "Cel" -> ("K", 1, 273.15), "{beats}/min" -> ("s-1", 1/60)
    """
    if len(code) > _LONGEST:
        return None
    try:
        product = _unit(code) if code in _table() else _term(code)
    except (_NotUcumError, ArithmeticError):
        return None
    names = ".".join(unit if power == 1 else f"{unit}{power}" for unit, power in product.powers)
    return Converted(names or "1", product.factor, product.offset)


def _term(text: str) -> _Product:
    tokens = _tokens(text)
    product, rest = _parsed(tokens, 0)
    if rest != len(tokens):
        raise _NotUcumError
    return product


def _tokens(text: str) -> list[re.Match[str]]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _NotUcumError
        tokens.append(match)
        position = match.end()
    return tokens


def _parsed(tokens: list[re.Match[str]], position: int, depth: int = 0) -> tuple[_Product, int]:
    """Return the product of the units from a position on, up to a closing parenthesis, and where that is."""
    if depth > _DEEPEST:
        raise _NotUcumError
    product, sign, expected = _Product(), 1, True
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if token["close"]:
            position -= 1
            break
        if token["operator"]:
            if expected and (token["operator"] == "." or position != 1):
                raise _NotUcumError
            sign, expected = (1 if token["operator"] == "." else -1), True
        elif token["open"]:
            inner, position = _parsed(tokens, position, depth + 1)
            if position >= len(tokens):
                raise _NotUcumError
            product, position, expected = product.times(inner, sign), position + 1, False
        else:
            product, expected = product.times(_component(token), sign), False
    if expected:
        raise _NotUcumError
    return product, position


def _component(token: re.Match[str]) -> _Product:
    if token["annotation"]:
        return _Product()
    if token["number"]:
        return _Product(Decimal(token["number"]))
    if token["power"]:
        return _Product().times(_Product(Decimal(10)), int(token["power_exponent"] or 1))
    unit = _unit(token["unit"])
    if unit.offset:
        raise _NotUcumError  # a temperature scale cannot be multiplied
    return _Product().times(unit, int(token["exponent"] or 1))


def _unit(name: str) -> _Product:
    units, prefixes = _table(), _prefixes()
    if name in units:
        return _defined(name, units[name])
    for length in (1, 2):
        stem = units.get(name[length:])
        if name[:length] in prefixes and stem is not None and stem["metric"]:
            unit = _defined(name[length:], stem)
            if unit.offset:
                raise _NotUcumError
            return _Product(Decimal(10) ** prefixes[name[:length]]).times(unit)
    raise _NotUcumError


def _defined(name: str, row: Mapping[str, Any]) -> _Product:
    factor = Decimal(row.get("factor", 1))
    if "of" not in row:
        return _Product(factor, () if name == "1" else ((name, 1),))
    base = _Product(factor).times(_term(row["of"]))
    return _Product(base.factor, base.powers, Decimal(row.get("offset", 0)))


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((files("fhir_server.search") / "ucum.toml").read_text("utf-8"))


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    data = _data()
    return {
        name: {**row, "metric": section == "metric"}
        for section in ("metric", "other")
        for name, row in data[section].items()
    }


@cache
def _prefixes() -> Mapping[str, int]:
    prefixes: Mapping[str, int] = _data()["prefixes"]
    return prefixes
