"""References are read off the stored text."""

from typing import Any

import pytest

from fhir_server.kernel.fhir_json import encode
from fhir_server.operations.referred import referred

BASE = "http://test/fhir"
TYPES = frozenset({"Patient", "Practitioner", "Binary"})


def found(**elements: Any) -> list[tuple[str, str]]:
    return referred([encode(elements)], BASE, TYPES)


@pytest.mark.parametrize(
    "text", ["Patient/1", "Patient/1/_history/2", f"{BASE}/Patient/1", f"{BASE}/Patient/1/_history/2"]
)
def test_references_to_this_server_are_found_anywhere(text: str) -> None:
    assert [("Patient", "1")] == found(subject=[{"deep": {"reference": text}}])


def test_attachments_refer_by_their_url() -> None:
    assert [("Binary", "b")] == found(content=[{"attachment": {"url": "Binary/b"}}])


@pytest.mark.parametrize(
    "text", ["#1", "http://elsewhere/fhir/Patient/1", "urn:uuid:1", "Patient?name=x", "Nothing/1", "ünïcode/1", ""]
)
def test_other_references_are_left_out(text: str) -> None:
    assert [] == found(subject={"reference": text})


def test_text_that_looks_like_a_reference_is_none() -> None:
    assert [] == found(note='"reference":"Patient/1"', display="Patient/1")


def test_each_is_told_once_in_order() -> None:
    texts = [encode({"a": {"reference": text}}) for text in ("Practitioner/2", "Patient/1", "Practitioner/2")]
    assert [("Practitioner", "2"), ("Patient", "1")] == referred(texts, BASE, TYPES)


def test_what_is_known_is_not_told() -> None:
    text = b'{"subject":{"reference":"Patient/1"},"performer":[{"reference":"Patient/2"}]}'
    assert [("Patient", "2")] == referred([text], "http://test/fhir", {"Patient"}, known={b"Patient/1"})
