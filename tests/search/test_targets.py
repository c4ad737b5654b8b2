"""Reference parameters whose expression leaves references to one type alone."""

import pytest

from fhir_server.search.targets import narrowed, narrows
from tests.make import observation, patient
from tests.search.world import BASE, World

SUBJECT, OF_PATIENTS = "Task.for", "Task.for.where(resolve() is Patient)"


def test_targets_are_narrowed_by_the_clause_of_the_expression() -> None:
    assert narrowed(("Group", "Patient"), OF_PATIENTS) == ("Patient",)
    assert narrowed(("Group", "Patient"), SUBJECT) == ("Group", "Patient")
    assert narrowed(("Group", "Patient"), f"{OF_PATIENTS} | Task.owner") == ("Group", "Patient")
    assert narrowed(("Group", "Device"), OF_PATIENTS) == ("Group", "Device")


@pytest.mark.parametrize(
    ("expression", "wider", "target", "expected"),
    [
        (OF_PATIENTS, SUBJECT, "Patient", True),
        (OF_PATIENTS, SUBJECT, "Group", False),
        (OF_PATIENTS, "Task.owner", "Patient", False),
        (OF_PATIENTS, "Task.for | Task.owner", "Patient", False),
        (f"{OF_PATIENTS} | Task.owner", SUBJECT, "Patient", False),
        (f"{OF_PATIENTS} | Task.owner.where(resolve() is Patient)", "Task.owner | Task.for", "Patient", True),
        (None, SUBJECT, "Patient", False),
    ],
)
def test_expression_narrows_the_one_whose_elements_it_restricts(
    expression: str | None, wider: str, target: str, expected: bool
) -> None:
    assert narrows(expression, wider, target) is expected


SUBJECTS = [
    "Patient/1",
    f"{BASE}/Patient/1",
    "Patient/1/_history/2",
    "Group/1",
    "http://other.test/Patient/1",
    "Patient/2",
]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("patient=1", [0, 1, 2]),
        ("patient=Patient/1", [0, 1, 2]),
        ("patient=Group/1", []),
        ("subject=1", [0, 1, 2, 3]),
        ("subject=Patient/1", [0, 1, 2]),
        ("subject=Patient/1/_history/2", [2]),
        ("subject=http://other.test/Patient/1", [4]),
        ("subject=Patient/1,Group/1", [0, 1, 2, 3]),
        ("subject:Patient=1", [0, 1, 2]),
        ("subject:Patient=Patient/1", [0, 1, 2]),
        ("subject:Group=1", [3]),
        (f"subject={BASE}/Patient/2", [5]),
        ("subject:Patient.gender=male", [0, 1, 2]),
        ("patient.gender=male", [0, 1, 2]),
    ],
)
async def test_references_are_found_by_the_narrower_parameter_as_by_the_wider(
    world: World, url: str, expected: list[int]
) -> None:
    await world.store([patient(id="1", gender="male"), patient(id="2", gender="female")])
    await world.store(
        observation(id=f"o{number}", subject={"reference": subject}) for number, subject in enumerate(SUBJECTS)
    )
    assert await world.ids(f"Observation?{url}&_sort=_id") == [f"o{number}" for number in expected]


async def test_resources_referred_to_are_found_by_either_parameter(world: World) -> None:
    await world.store([patient(id="1"), patient(id="2")])
    await world.store([observation(id="o", subject={"reference": "Patient/1"})])
    for code in ("subject", "patient"):
        assert await world.ids(f"Patient?_has:Observation:{code}:status=final") == ["1"]
