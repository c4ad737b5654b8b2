"""Values to search for, taken from the data set: the same for the same data, many of a kind, so that no page is hot.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.layout import ID, INDEX, JSON
from fhir_server.kernel.types import Resource
from fhir_server.storage import Storage

PATIENTS = 100
_MANY_PARTS = 16
"""The "many hits" are as good as one in so many resources: some 60,000 of a million."""

_RECORD = 300
_RECORDS = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """A code of Observations with a quantity, and what its values are like; dates are days, unit is "system|code"."""

    code: str
    unit: str
    median: str
    after: str
    before: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Shape: `patients`, `observations`, `records` are ids; `identifiers` and codes are "system|value"."""

    patients: tuple[str, ...]
    observations: tuple[str, ...]
    identifiers: tuple[str, ...]
    families: tuple[str, ...]
    measured: tuple[Measured, ...]
    """The most frequent codes, the first one first."""

    rare: str
    many: tuple[str, ...]
    """Codes that together have about 6 % of all resources."""

    conditions: tuple[str, ...]
    encounters: tuple[str, ...]
    """The most frequent codes of Conditions, and types of Encounters."""

    records: tuple[str, ...]
    """Patients with about 300 resources in their compartment."""

    resources: int


async def samples(storage: Storage) -> Samples:
    """Return values of which most searches find something."""
    patients = await _patients(storage)
    codes = await _codes(storage, "Observation", "code")
    resources = sum([await storage.database[type_].estimated_document_count() for type_ in await _types(storage)])
    of_patients = [f"Patient/{one.id}" for one in patients]
    measured = [found for code, _ in codes[:12] if (found := await _measured(storage, code, of_patients)) is not None]
    return Samples(
        patients=tuple(one.id for one in patients),
        observations=tuple(
            [one[ID] async for one in storage.database["Observation"].find({}, {ID: True}).limit(2_000)]
        ),
        identifiers=tuple(one.identifier for one in patients),
        families=tuple(one.family for one in patients),
        measured=tuple(measured[:4]),
        rare=codes[-1][0],
        many=_adding_up(codes, resources * 6 // 100),
        conditions=tuple(code for code, _ in (await _codes(storage, "Condition", "code"))[:5]),
        encounters=tuple(code for code, _ in (await _codes(storage, "Encounter", "type"))[:5]),
        records=await _records(storage, [one.id for one in patients]),
        resources=resources,
    )


@dataclass(frozen=True, slots=True)
class _Patient:
    id: str
    identifier: str
    family: str


async def _patients(storage: Storage) -> list[_Patient]:
    ids = sorted([one[ID] async for one in storage.database["Patient"].find({}, {ID: True})])
    chosen = Random(0).sample(ids, min(PATIENTS, len(ids)))
    found = storage.database["Patient"].find({ID: {"$in": chosen}}, {JSON: True})
    return [_patient(decode_stored(one[JSON])) async for one in found]


def _patient(resource: Resource) -> _Patient:
    identifier, name = resource["identifier"][0], resource["name"][0]
    return _Patient(resource["id"], f"{identifier.get('system', '')}|{identifier['value']}", name["family"])


async def _types(storage: Storage) -> Sequence[str]:
    return await storage.schema.stored_types()


async def _codes(storage: Storage, type_: str, parameter: str) -> list[tuple[str, int]]:
    """Return the codes of a parameter with their numbers of resources, most frequent first."""
    where = await _path(storage, type_, parameter)
    steps: list[dict[str, Any]] = [
        {"$unwind": f"${where}"},
        {"$match": {where: {"$regex": r"^[a-z].*\|"}}},
        {"$group": {ID: f"${where}", "n": {"$sum": 1}}},
        {"$sort": {"n": -1, ID: 1}},
    ]
    cursor = await storage.database[type_].aggregate(steps)
    return [(one[ID], one["n"]) async for one in cursor]


async def _path(storage: Storage, type_: str, parameter: str) -> str:
    """Return where a token parameter is stored: in a field of its own, or among the rare ones."""
    own = f"{INDEX}.{parameter}"
    found = await storage.database[type_].find_one({own: {"$exists": True}}, {ID: True})
    return own if found is not None else f"{INDEX}.rare.{parameter}"


async def _measured(storage: Storage, code: str, patients: Sequence[str]) -> Measured | None:
    """Return what the Observations of a code are like; None when they are no measurements."""
    some = {f"{INDEX}.patient": {"$in": patients}, f"{INDEX}.code": code}
    found = storage.database["Observation"].find(some, {JSON: True})
    resources = [decode_stored(one[JSON]) async for one in found]
    quantities = [one["valueQuantity"] for one in resources if "code" in one.get("valueQuantity", {})]
    dates = sorted(one["effectiveDateTime"][:10] for one in resources if "effectiveDateTime" in one)
    if not quantities or not dates:
        return None
    values = sorted(quantity["value"] for quantity in quantities)
    unit = f"{quantities[0].get('system', '')}|{quantities[0]['code']}"
    tenth = len(dates) // 10
    return Measured(code, unit, str(values[len(values) // 2]), dates[tenth], dates[-tenth - 1])


def _adding_up(codes: Sequence[tuple[str, int]], wanted: int) -> tuple[str, ...]:
    chosen: list[str] = []
    total = 0
    for code, number in codes:
        if len(chosen) < 4 and total + number <= wanted * 105 // 100:
            chosen.append(code)
            total += number
    return tuple(chosen)


async def _records(storage: Storage, patients: Sequence[str]) -> tuple[str, ...]:
    """Return the patients whose record is nearest to the wanted size."""
    sizes: dict[str, int] = {}
    for id_ in patients:
        member = {"compartments": f"Patient/{id_}"}
        sizes[id_] = sum([await storage.database[type_].count_documents(member) for type_ in await _types(storage)])
    return tuple(sorted(patients, key=lambda id_: abs(sizes[id_] - _RECORD))[:_RECORDS])
