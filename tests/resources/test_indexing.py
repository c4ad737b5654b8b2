"""What is stored of resources for search."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from conformance.load import definitions
from fhir_server.resources.indexing import Indexer
from tests.make import observation, patient

SYNTHEA = Path(__file__).parents[2] / ".." / "shared" / "data" / "synthea"


def index(resource: dict[str, Any]) -> dict[str, Any]:
    return Indexer(definitions()).index({"id": "x", **resource}).index


def test_single_parameters_have_one_value_in_a_field_of_their_own() -> None:
    stored = index(observation(effectiveDateTime="2024-05-01", subject={"reference": "Patient/a"}))
    assert stored["date"] == {"low": datetime(2024, 5, 1, tzinfo=UTC), "high": datetime(2024, 5, 2, tzinfo=UTC)}
    assert stored["patient"] == "Patient/a"
    assert stored["rare"]["subject"] == ["Patient/a"]


def test_quantity_is_stored_as_sent_and_in_base_units() -> None:
    value = {"value": Decimal("5.40"), "unit": "Milligram", "system": "http://unitsofmeasure.org", "code": "mg"}
    stored = index(observation(valueQuantity=value))["value-quantity"]
    assert stored["low"] == stored["high"] == 5.4
    assert stored["unit"] == "milligram"
    assert stored["canonical"] == {"low": 0.0054, "high": 0.0054, "unit": "g"}


def test_interval_of_more_than_a_month_is_marked() -> None:
    assert index(observation(effectiveDateTime="2024"))["date"]["span"] is True
    assert "span" not in index(observation(effectiveDateTime="2024-12"))["date"]


def test_present_element_without_searchable_value_is_not_missing() -> None:
    stored = index(observation(subject={"display": "somebody"}))
    assert stored["rare"]["subject"] == []
    assert stored.get("patient", "absent") == "absent"


def test_parameters_made_of_others_store_nothing() -> None:
    value = {"value": 1}
    stored = index(observation(valueQuantity=value))
    assert not {"combo-code", "combo-value-quantity", "code-value-quantity"} & (stored.keys() | stored["rare"].keys())


def test_times_without_zone_are_read_in_the_servers() -> None:
    indexed = Indexer(definitions(), zone=ZoneInfo("Europe/Vienna")).index(patient(id="x", birthDate="2024-07-01"))
    assert indexed.index["birthdate"]["low"] == datetime(2024, 6, 30, 22, tzinfo=UTC)


def test_deceased_is_false_where_nothing_is_said() -> None:
    assert index(patient())["rare"]["deceased"] == [" false"]
    assert index(patient(deceasedDateTime="2024"))["rare"]["deceased"] == [" true"]


def test_security_labels_are_kept_for_access_rules() -> None:
    labelled = patient(id="x", meta={"security": [{"system": "urn:s", "code": "R"}, {"code": "N"}]})
    assert Indexer(definitions()).index(labelled).security == ("urn:s|R", "|N")


def test_many_shapes_of_resources_do_not_pile_up() -> None:
    indexer = Indexer(definitions())
    for number in range(2_000):
        assert "gender" in indexer.index(patient(id="x", gender="male", **{f"_x{number}": {}})).index["rare"]


def resources() -> Iterator[dict[str, Any]]:
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    for path in sorted(SYNTHEA.glob("*.json.gz"))[:4]:
        yield from (entry["resource"] for entry in decoder.decode(gzip.decompress(path.read_bytes()))["entry"])


@pytest.mark.skipif(not SYNTHEA.exists(), reason="the Synthea bundles are not here")
def test_skipping_by_shape_loses_nothing() -> None:
    """Parameters that cannot find anything by the properties of a resource are skipped; all are asked here."""
    indexer = Indexer(definitions())
    for resource in resources():
        alone = {name: value for name, value in {"id": "x", **resource}.items() if name != "contained"}
        stored = indexer.index(alone).index
        everything: dict[str, Any] = {}
        for _roots, store in indexer._plans[resource["resourceType"]].stores:
            store(alone, everything)
        assert stored == everything
