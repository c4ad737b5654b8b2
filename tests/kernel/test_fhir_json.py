"""fhir_server.kernel.fhir_json: no digit is lost, no key is dropped."""

from decimal import Decimal

import pytest

from fhir_server.kernel.errors import Invalid
from fhir_server.kernel.fhir_json import Raw, decode, encode, pretty


@pytest.mark.parametrize("text", [b"1.00", b"0.010", b"100", b"3.14159265358979324", b"-0.5", b"0.1", b"-0.0"])
def test_a_decimal_comes_back_with_the_digits_that_were_sent(text: bytes) -> None:
    assert text == encode(decode(text))


def test_a_decimal_is_not_a_float() -> None:
    assert Decimal("1.10") == decode(b'{"value":1.10}')["value"]
    assert isinstance(decode(b'{"value":1.10}')["value"], Decimal)


def test_keys_keep_their_order() -> None:
    assert b'{"b":1,"a":{"d":2,"c":3}}' == encode(decode(b'{ "b" : 1, "a": {"d": 2, "c": 3} }'))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b'{"a":1',
        b"[1,]",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":1} x',
        b'{"a":"tab\there"}',
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a":' + b"1" * 1_000_000 + b"}",
        b'{"a" :' * 980 + b"1" + b"}" * 980,
        b'{"a" :' * 20_000 + b"1" + b"}" * 20_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_not_json_is_invalid(text: bytes) -> None:
    with pytest.raises(Invalid):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"x":[{"a":1},{"b":1,"b":1}]}',
        b'{"a" : 1, "a" : 1}',
        b'{"\\u0061":1,"a":2}',
        b'{"t":"say \\": x","a":1,"a":2}',
        b'{"a" :1,"a":2}',
        b'{"a":1,"b" \t\n :{"c":1},"a":2}',
    ],
)
def test_a_key_that_stands_twice_is_invalid_and_named(text: bytes) -> None:
    with pytest.raises(Invalid, match=r"the key '[ab]' stands twice"):
        decode(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"t":"quote \\": colon","u":"back\\\\"}',
        b'{"t":"\\u0022:","u":1}',
        b'{"a" : {"a" : 1}}',
        b'{"a":{"a":1},"b":[{"a":1},{"a":1}]}',
    ],
)
def test_texts_that_only_look_like_double_keys_are_read(text: bytes) -> None:
    assert isinstance(decode(text), dict)


def test_a_byte_order_mark_is_skipped() -> None:
    assert {"a": 1} == decode(b'\xef\xbb\xbf{"a":1}')


def test_raw_text_is_copied_as_it_is() -> None:
    assert b'{"resource":{"v":1.00}}' == encode({"resource": Raw(b'{"v":1.00}')})


def test_pretty_text_keeps_digits() -> None:
    assert b'{\n  "v": 1.00\n}' == pretty(b'{"v":1.00}')
