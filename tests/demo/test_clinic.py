from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from conformance.load import definitions
from conformance.walk import Validator
from fhir_server.demo import ORGANIZATION, clinic
from fhir_server.kernel.fhir_json import decode, encode
from fhir_server.kernel.types import Resource

SUNDAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(definitions())


def test_same_seed_and_day_give_the_same_clinic() -> None:
    assert encode(clinic(1, SUNDAY)) == encode(clinic(1, SUNDAY))


def test_another_seed_gives_another_clinic() -> None:
    assert encode(clinic(1, SUNDAY)) != encode(clinic(2, SUNDAY))


@pytest.mark.parametrize("seed", range(5))
def test_every_resource_is_valid_r4(validator: Validator, seed: int) -> None:
    bundle = decode(encode(clinic(seed, SUNDAY)))
    assert [validator.issues(entry["resource"]) for entry in bundle["entry"]] == [[]] * len(bundle["entry"])
    assert validator.issues(bundle) == []


def test_it_is_a_small_clinic_with_every_kind_of_record() -> None:
    counts = _counts(clinic(1, SUNDAY))
    assert counts["Patient"] == 20
    assert counts["Appointment"] == 20
    assert {
        *("Organization", "Location", "Practitioner", "PractitionerRole", "Schedule", "Slot", "Encounter", "Condition"),
        *("Observation", "MedicationRequest", "Coverage", "Claim", "Invoice", "Patient", "Appointment"),
    } == set(counts)
    assert 500 < counts.total() < 2000


def test_every_reference_points_to_an_entry_of_the_bundle() -> None:
    bundle = clinic(1, SUNDAY)
    assert set(_references(bundle)) <= {entry["fullUrl"] for entry in bundle["entry"]}


def test_organization_can_be_found_by_its_identifier() -> None:
    first = clinic(1, SUNDAY)["entry"][0]["resource"]
    assert (first["resourceType"], first["identifier"][0]["value"]) == ("Organization", ORGANIZATION)


@pytest.mark.parametrize("day", [SUNDAY, date(2026, 11, 24), date(2028, 2, 29)])
def test_slots_are_on_working_days_from_today_on(day: date) -> None:
    starts = {entry["resource"]["start"][:10] for entry in _of_type(clinic(1, day), "Slot")}
    days = sorted(date.fromisoformat(start) for start in starts)
    assert len(days) == 5
    assert min(days) >= day
    assert all(day.weekday() < 5 for day in days)


def test_an_appointment_fills_exactly_one_slot_which_is_busy() -> None:
    bundle = clinic(1, SUNDAY)
    busy = {row["fullUrl"] for row in _of_type(bundle, "Slot") if row["resource"]["status"] == "busy"}
    taken = [row["resource"]["slot"][0]["reference"] for row in _of_type(bundle, "Appointment")]
    assert sorted(taken) == sorted(busy)


def _of_type(bundle: Resource, type_: str) -> list[Resource]:
    return [entry for entry in bundle["entry"] if entry["resource"]["resourceType"] == type_]


def _counts(bundle: Resource) -> Counter[str]:
    return Counter(entry["resource"]["resourceType"] for entry in bundle["entry"])


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (item for key, item in value.items() if key == "reference")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
