"""The primitive types: which JSON values are one, and what is wrong with those that are not.

Spec: https://hl7.org/fhir/R4/datatypes.html#primitive, https://hl7.org/fhir/R4/json.html#primitive
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from conformance.walk.narrative import flaw, is_narrative
from conformance.walk.problems import Problem, error, shown

CURRENCIES = "http://hl7.org/fhir/ValueSet/currencies"
MAX_STRING = 1024 * 1024
_MAX_INTEGER = 2**31 - 1
# Decimal128, in which MongoDB keeps decimals, has 34 digits; beyond the range of a double most clients read infinity.
_MAX_DIGITS = 34
_INTEGER_RANGE: int = 10**_MAX_DIGITS
_MAX_EXPONENT = 307
_DOUBLE_RANGE: float = 10.0 ** (_MAX_EXPONENT + 1)

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_YEAR = r"(?!0000)[0-9]{4}"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_is_date = re.compile(f"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?").fullmatch
_is_date_time = re.compile(f"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_TIME}{_ZONE})?)?)?").fullmatch
_is_instant = re.compile(f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}").fullmatch
_is_time = re.compile(_TIME).fullmatch
_is_id = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_is_code = re.compile(r"[^\s]+(?:\s[^\s]+)*").fullmatch
_is_uri = re.compile(r"\S+").fullmatch
_is_currency = re.compile(r"[A-Z]{3}").fullmatch
_is_oid = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+").fullmatch
_is_uuid = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive type: `accepts` is the whole rule and runs for every value, the rest only words a refusal.

    Shape: `json` is the JSON type that carries it; `codes_of` the url of a required value set, which turns a refusal
           into "code-invalid".
    """

    name: str
    json: str
    expected: str
    accepts: Callable[[object], bool]
    codes_of: str | None = None

    def refusal(self, value: object) -> Problem:
        """Return why a value is not accepted, without showing more of it than a code."""
        if self.name == "xhtml" and isinstance(value, str):
            return flaw(value)
        carrier = _json_type(value)
        if carrier != self.json:
            return error("structure", f"{self.name} is a JSON {self.json}, found {carrier}")
        if isinstance(value, str) and (text_flaw := _text_flaw(value, limited=self.name in _LIMITED)):
            return text_flaw
        if self.codes_of is not None:
            code = shown(value, "the code")
            return error("code-invalid", f"{code} is not in the required value set {self.codes_of}")
        return error("value", f"not a valid {self.name}: expected {self.expected}")


def primitives() -> Mapping[str, Primitive]:
    """Return FHIR's primitive types by name."""
    return MappingProxyType({primitive.name: primitive for primitive in _ALL})


def code_in(codes: frozenset[str], value_set: str) -> Primitive:
    """Return the type code restricted to a required value set."""
    return Primitive("code", "string", "a code", lambda value: type(value) is str and value in codes, value_set)


def currency() -> Primitive:
    """Return the type code as Money.currency has it: of ISO 4217's codes the standard lists none, but their form."""
    return Primitive("code", "string", "three capital letters (ISO 4217)", _matching(_is_currency), CURRENCIES)


def is_string(value: object) -> bool:
    """Return whether a value is text without control characters, of 1 to 1,048,576 characters."""
    # isprintable() decides nearly all real text at the speed of C; it refuses line breaks too, hence the search.
    return type(value) is str and 0 < len(value) <= MAX_STRING and (value.isprintable() or not _FORBIDDEN.search(value))


def is_code(value: object) -> bool:
    """Return whether a value is text without leading, trailing or doubled white space."""
    if type(value) is not str or not value:
        return False
    return (" " not in value and value.isprintable()) or bool(_is_code(value) and not _FORBIDDEN.search(value))


def is_uri(value: object) -> bool:
    """Return whether a value is text without any white space; FHIR asks no more of uri, url and canonical."""
    if type(value) is not str or not value:
        return False
    return (" " not in value and value.isprintable()) or bool(_is_uri(value) and not _FORBIDDEN.search(value))


def is_date(value: object) -> bool:
    """Return whether a value is a date (YYYY, YYYY-MM or YYYY-MM-DD) that the calendar has."""
    return type(value) is str and _is_date(value) is not None and _in_calendar(value)


def is_date_time(value: object) -> bool:
    """Return whether a value is a date, or a date with a time to the second and a time zone."""
    return type(value) is str and _is_date_time(value) is not None and _in_calendar(value)


def is_instant(value: object) -> bool:
    """Return whether a value is a date with a time to the second or better and a time zone."""
    return type(value) is str and _is_instant(value) is not None and _in_calendar(value)


def is_decimal(value: object) -> bool:
    """Return whether a value is a finite number of at most 34 digits within the range of a double."""
    if type(value) is int:
        return -_INTEGER_RANGE < value < _INTEGER_RANGE
    if type(value) is float:
        return -_DOUBLE_RANGE < value < _DOUBLE_RANGE
    if type(value) is not Decimal or not value.is_finite():
        return False
    return -_MAX_EXPONENT <= value.adjusted() <= _MAX_EXPONENT and _digits(value) <= _MAX_DIGITS


def is_base64(value: object) -> bool:
    """Return whether a value is base64 (RFC 4648 alphabet, complete padding); white space is allowed."""
    return type(value) is str and decoded_size(value) is not None


def decoded_size(value: str) -> int | None:
    """Return the number of bytes that a base64 text stands for; None when it is not base64."""
    text = value if value.isalnum() else "".join(value.split())
    try:
        return (len(a2b_base64(text, strict_mode=True)) if text else None) if text.isascii() else None
    except Base64Error:
        return None


def _digits(value: Decimal) -> int:
    # The text is never shorter than the digits, and costs less than a tuple of them.
    length = len(str(value))
    return length if length <= _MAX_DIGITS else len(value.as_tuple().digits)


def _in_calendar(value: str) -> bool:
    day = value[8:10]
    return day <= "28" or int(day) <= monthrange(int(value[:4]), int(value[5:7]))[1]


def _whole(minimum: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and minimum <= value <= _MAX_INTEGER


def _matching(match: Callable[[str], object]) -> Callable[[object], bool]:
    return lambda value: type(value) is str and match(value) is not None


def _is_boolean(value: object) -> bool:
    return value is True or value is False


def _json_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _text_flaw(value: str, *, limited: bool) -> Problem | None:
    if not value:
        return error("value", "a string must not be empty")
    if limited and len(value) > MAX_STRING:
        return error("too-long", f"a string has at most {MAX_STRING} characters")
    if _FORBIDDEN.search(value):
        return error("value", "a string must not hold control characters or lone surrogates")
    return None


_LIMITED = frozenset({"string", "markdown"})
_ALL = (
    Primitive("boolean", "boolean", "true or false", _is_boolean),
    Primitive("integer", "number", "a whole number of 32 bits", _whole(-_MAX_INTEGER - 1)),
    Primitive("unsignedInt", "number", "a whole number from 0 to 2,147,483,647", _whole(0)),
    Primitive("positiveInt", "number", "a whole number from 1 to 2,147,483,647", _whole(1)),
    Primitive("decimal", "number", "at most 34 digits, below 1E308 and not closer to 0 than 1E-307", is_decimal),
    Primitive("string", "string", "text", is_string),
    Primitive("markdown", "string", "text", is_string),
    Primitive("code", "string", "no leading, trailing or doubled white space", is_code),
    Primitive("id", "string", "1 to 64 letters, digits, '-' and '.'", _matching(_is_id)),
    Primitive("uri", "string", "no white space", is_uri),
    Primitive("url", "string", "no white space", is_uri),
    Primitive("canonical", "string", "no white space", is_uri),
    Primitive("oid", "string", "urn:oid: and dotted numbers", _matching(_is_oid)),
    Primitive("uuid", "string", "urn:uuid: and lower-case hexadecimal digits", _matching(_is_uuid)),
    Primitive("date", "string", "YYYY, YYYY-MM or YYYY-MM-DD of the calendar", is_date),
    Primitive("dateTime", "string", "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz", is_date_time),
    Primitive("instant", "string", "YYYY-MM-DDThh:mm:ss.sss+zz:zz", is_instant),
    Primitive("time", "string", "hh:mm:ss", _matching(_is_time)),
    Primitive("base64Binary", "string", "base64 text", is_base64),
    Primitive("xhtml", "string", "a div of XHTML", is_narrative),
)
