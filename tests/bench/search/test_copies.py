import re
from itertools import count
from typing import Any

from bench.search.copies import copied, template
from fhir_server.kernel.fhir_json import encode

PATIENT = "11111111-1111-4111-8111-111111111111"
OBSERVATION = "22222222-2222-4222-8222-222222222222"
IDENTIFIER = "33333333-3333-4333-8333-333333333333"

BUNDLE = encode(
    {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{PATIENT}",
                "resource": {
                    "resourceType": "Patient",
                    "id": PATIENT,
                    "identifier": [{"value": IDENTIFIER}],
                    "name": [{"family": "Original", "given": ["Given"]}],
                    "birthDate": "1990-01-31",
                },
            },
            {
                "fullUrl": f"urn:uuid:{OBSERVATION}",
                "resource": {
                    "resourceType": "Observation",
                    "status": "final",
                    "subject": {"reference": f"urn:uuid:{PATIENT}"},
                    "effectiveDateTime": "2020-02-29T10:00:00+00:00",
                    "valueQuantity": {"value": 100, "unit": "cm"},
                },
            },
        ],
    }
)


def copy(seed: int) -> list[tuple[str, dict[str, Any]]]:
    numbers = count(1)
    return list(copied(template(BUNDLE), seed, lambda: f"new-{next(numbers)}"))


def test_copies_have_new_ids_and_link_to_each_other() -> None:
    (patient_id, patient), (observation_id, observation) = copy(1)
    assert [patient_id, observation_id] == ["new-1", "new-2"]
    assert patient["id"] == "new-1"
    assert observation["subject"] == {"reference": "Patient/new-1"}


def test_identifiers_of_copies_differ_from_the_original_and_from_ids() -> None:
    (_, patient), _ = copy(1)
    assert patient["identifier"] == [{"value": "new-3-1"}]


def test_all_dates_of_a_copy_move_alike_and_into_the_past() -> None:
    (_, patient), (_, observation) = copy(7)
    assert patient["birthDate"] < "1990-01-31"
    assert re.fullmatch(r"20(1[5-9]|20)-\d\d-\d\dT10:00:00\+00:00", observation["effectiveDateTime"])


def test_values_stay_near_the_original() -> None:
    values = {copy(seed)[1][1]["valueQuantity"]["value"] for seed in range(20)}
    assert len(values) > 10
    assert all(90 <= value <= 110 for value in values)


def test_the_same_seed_gives_the_same_copy_and_another_seed_another_name() -> None:
    assert copy(3) == copy(3)
    assert copy(3)[0][1]["name"] != copy(4)[0][1]["name"]
    assert copy(3)[0][1]["name"][0]["given"] == ["Given"]
