"""Draft → BSON: nothing lost, nothing half-stored."""

from decimal import Decimal
from typing import Any

import bson
import pytest
from bson import Decimal128

from fhir_server.kernel.errors import TooLarge, Unprocessable
from fhir_server.kernel.query import EVERYTHING
from fhir_server.kernel.types import Change, Draft, Version
from fhir_server.storage import Storage, document
from tests.storage.make import START, draft


def stored(one: Draft, *, native_copy: bool = True) -> dict[str, Any]:
    return bson.decode(document.current(one, native_copy=native_copy).raw, document.READING)


def test_decimals_of_the_native_copy_keep_every_digit() -> None:
    assert stored(draft("a", value=Decimal("1.00")))["resource"]["value"] == Decimal128("1.00")


def test_without_native_copy_the_text_stands_alone() -> None:
    assert "resource" not in stored(draft("a"), native_copy=False)


def test_a_deletion_has_no_content_and_no_index() -> None:
    found = stored(Draft(Version("Patient", "a", 2, START, "DELETE", b"")))
    assert set(found) == {"_id", "version", "updated", "method", "compartments", "security"}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1 << 63, Decimal128(str(1 << 63))),
        (-(1 << 63), -(1 << 63)),
        (10**40, "1" + "0" * 40),
        (int("123456789" * 5), "123456789" * 5),
        (Decimal("0." + "123456789" * 5), "0." + "123456789" * 5),
        (Decimal("1E+7000"), "1E+7000"),
    ],
)
def test_numbers_that_bson_cannot_hold_are_spelled_out(number: int | Decimal, expected: object) -> None:
    assert stored(draft("a", list=[{"value": number}], flag=True))["resource"]["list"] == [{"value": expected}]


def test_a_stored_document_becomes_the_same_version_again() -> None:
    one = draft("a", 3, compartments=("Patient/a",))
    assert document.version_of("Patient", "a", stored(one)) == one.version


def test_the_key_of_large_content_is_kept_in_current_and_history() -> None:
    version = Version("Binary", "a", 1, START, "POST", b"{}", blob="key")
    assert stored(Draft(version, {}))["blob"] == "key"
    assert document.superseded(version, draft("a", 2))["blob"] == "key"


def test_a_resource_beyond_16_mb_is_too_large_counting_both_copies() -> None:
    half = draft("a", text="x" * 9_000_000)
    with pytest.raises(TooLarge):
        document.current(half, native_copy=True)
    document.current(half, native_copy=False)


@pytest.mark.parametrize("content", [{"a\0b": 1}, {"text": "\ud800"}])
def test_what_bson_cannot_name_or_spell_is_unprocessable(content: dict[str, object]) -> None:
    one = Draft(draft("a").version, content)
    with pytest.raises(Unprocessable):
        document.current(one, native_copy=True)


def test_the_native_copy_is_the_same_bytes_alone_and_in_its_document() -> None:
    resource = {"resourceType": "Patient", "_id": {"extension": []}, "id": "a", "value": Decimal("0.10")}
    whole = document.current(Draft(draft("a").version, resource), native_copy=True)
    assert whole["resource"].raw == document.native(resource)


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {"leaf": True}
    for _ in range(depth):
        value = {"part": value}
    return value


async def test_ninety_levels_of_nesting_are_stored(storage: Storage) -> None:
    await storage.writer.commit([Change(draft("deep", item=nested(88)))])
    assert await storage.reader.read("Patient", "deep", EVERYTHING) is not None


@pytest.mark.parametrize("depth", [250, 900])
async def test_deeper_than_mongodb_stores_is_unprocessable(storage: Storage, depth: int) -> None:
    with pytest.raises(Unprocessable):
        await storage.writer.commit([Change(draft("deep", item=nested(depth)))])
