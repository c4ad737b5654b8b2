"""The worked example of docs/hl7v2-maps.md, as a user would have it: a folder with one file."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hl7_bridge.convert import Conversion, Converter, load_layers
from hl7_bridge.er7 import parse
from tests.hl7_bridge.maps.converted import PATIENT, validator

GUIDE = Path(__file__).parents[3] / "docs" / "hl7v2-maps.md"
BLOCK = re.compile(r"```(yaml)?\n(.*?)```", re.DOTALL)


def blocks() -> list[str]:
    return [text for _, text in BLOCK.findall(GUIDE.read_text("utf-8"))]


@pytest.fixture
def converter(tmp_path: Path) -> Converter:
    (tmp_path / "zpi.yaml").write_text(blocks()[1])
    return Converter(load_layers([tmp_path]), zone=UTC)


def convert(converter: Converter, sender: str) -> Conversion:
    header = f"MSH|^~\\&|{sender}|NORTH|||20240305||ADT^A08|1|P|2.5.1"
    message = parse("\r".join((header, PATIENT, blocks()[0].strip())).encode())
    return converter.convert(message, received=datetime(2024, 3, 5, tzinfo=UTC))


def patient(conversion: Conversion) -> dict[str, Any]:
    assert validator().issues(conversion.bundle()) == []
    return next(one.resource for one in conversion.entries if one.resource["resourceType"] == "Patient")


def test_segment_of_the_example_is_mapped(converter: Converter) -> None:
    conversion = convert(converter, "LAB7")
    found = patient(conversion)
    card, since = found["extension"]
    assert card["valueCodeableConcept"]["coding"][0]["system"] == "https://lab7.example.org/codes/card"
    assert since["valueDate"] == "2024-01-01"
    assert found["contact"] == [{"relationship": [{"text": "Window seat"}]}]
    assert conversion.unmapped == ()


def test_other_senders_are_read_as_before(converter: Converter) -> None:
    conversion = convert(converter, "LAB8")
    assert "extension" not in patient(conversion)
    assert [place for place in conversion.unmapped if place.startswith("ZPI")] == ["ZPI-1", "ZPI-2", "ZPI-3", "ZPI-4"]
