"""fhir_server.kernel.ids: UUIDv7 and the FHIR id rule."""

from uuid import UUID

import pytest

from fhir_server.kernel.ids import is_logical_id, uuid7_source


def test_ids_are_version_7_uuids_of_the_time_they_were_made() -> None:
    made = UUID(uuid7_source(lambda: 0x0123456789AB)())
    assert (7, "specified in RFC 4122", 0x0123456789AB) == (made.version, made.variant, made.int >> 80)


def test_ids_grow_within_one_millisecond_and_when_the_clock_goes_back() -> None:
    clock = iter([5] * 5000 + [4] * 100)
    source = uuid7_source(lambda: next(clock))
    made = [source() for _ in range(5100)]
    assert sorted(made) == made
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("text", ["a", "A-1.b", "x" * 64, "0"])
def test_fhir_ids(text: str) -> None:
    assert is_logical_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a_b", "a/b", "ä", "a b", "a\n"])
def test_texts_that_are_no_fhir_ids(text: str) -> None:
    assert not is_logical_id(text)
