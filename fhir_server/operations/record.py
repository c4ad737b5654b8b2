"""What a record is made of: the members of one compartment, or of those of all patients, and what these refer to.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html, https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fhir_server.interactions.env import Env
from fhir_server.kernel.layout import COMPARTMENTS, ID, METHOD
from fhir_server.kernel.query import Access, Filter, Position
from fhir_server.kernel.types import Version
from fhir_server.operations.care_dates import care_date
from fhir_server.operations.referred import referred
from fhir_server.search.criteria import alive, either
from fhir_server.storage.find.union import read_union

REFERRED_AT_MOST = 1_000

_PATIENTS = "Patient/"
_TYPES_AT_ONCE = 24
"""Types that are read together: a common record has fewer, so that it is read in one go."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Which members are to be read.

    Shape: `type` is that of the owner, `owner` the reference of one ("Patient/1"), None for all patients; `types` None
           for all; `start` and `end` of the care are dates as passed; `after` is where the page begins
    """

    type: str
    owner: str | None
    types: frozenset[str] | None
    start: str | None
    end: str | None
    count: int
    after: Position | None
    base_url: str


async def members(env: Env, extent: Extent, access: Access) -> tuple[list[Version], Position | None]:
    """Return the members of one page, type by type, newest ids first, and its last place when more follow."""
    types = _member_types(env, extent, await env.storage.schema.stored_types())
    after = extent.after
    if after is not None:
        types = types[types.index(after.type) :] if after.type in types else []
    legs = [(type_, _filter(env, extent, type_)) for type_ in types]
    # The types of one record are read side by side; with all patients each type may fill a page by itself.
    at_once = _TYPES_AT_ONCE if extent.owner is not None else 1
    found: list[Version] = []
    for start in range(0, len(legs), at_once):
        found += await _read(env, legs[start : start + at_once], access, extent.count + 1 - len(found))
        if len(found) > extent.count:
            last = found[extent.count - 1]
            return found[: extent.count], Position((), last.type, last.id)
    return found, None


async def others(
    env: Env,
    extent: Extent,
    access: Access,
    owned: Collection[str],
    members: Sequence[Version],
    *,
    told: Collection[tuple[str, str]] = (),
) -> tuple[list[Version], bool]:
    """Return what the members refer to outside of the record, and whether some are missing.

    `owned` are the compartments of the owner, none where all patients are asked for. What belongs to other patients
    alone stays out: a list of several patients must not open their records. `told` are the (type, id) of those that
    the caller has already.
    """
    known = {(version.type, version.id) for version in members}
    texts = (version.json for version in members)
    names = {f"{type_}/{id_}".encode() for type_, id_ in known}
    links = referred(texts, extent.base_url, env.definitions.resource_types, known=names)
    wanted = sorted(link for link in links if link not in known and link not in told)
    ids_of: dict[str, list[str]] = {}
    for type_, id_ in wanted[:REFERRED_AT_MOST]:
        ids_of.setdefault(type_, []).append(id_)
    legs = [(type_, {ID: {"$in": ids}}) for type_, ids in ids_of.items()]
    found = await _read(env, legs, access, REFERRED_AT_MOST)
    kept = [version for version in found if not version.deleted and _goes_along(version, extent.owner, owned)]
    return kept, len(wanted) > REFERRED_AT_MOST


async def _read(env: Env, legs: Sequence[tuple[str, Filter]], access: Access, limit: int) -> list[Version]:
    return await read_union(
        env.storage.database, legs, access, limit=limit, time_limit_ms=env.settings.query_time_limit_ms
    )


def _goes_along(version: Version, owner: str | None, owned: Collection[str]) -> bool:
    """Tell whether a resource that is referred to goes with the record, and is not one of its members anyway."""
    patients = {name for name in version.compartments if name.startswith(_PATIENTS)}
    return owner not in version.compartments and (not patients or not patients.isdisjoint(owned))


def _member_types(env: Env, extent: Extent, stored: Sequence[str]) -> list[str]:
    """Return the types to read, the owner's first: all of the compartment where others are reached through them."""
    possible = {extent.type, *env.definitions.compartments[extent.type]}
    wanted = extent.types
    read = possible if wanted is None or not wanted <= possible else wanted
    return sorted((type_ for type_ in stored if type_ in read), key=lambda type_: (type_ != extent.type, type_))


def _filter(env: Env, extent: Extent, type_: str) -> Filter:
    """Return the condition on members of one type; what tells no time of care is part of every period."""
    # Deleted resources keep their compartments. No index tells them apart, so the database need not choose one.
    owner = extent.owner or {"$elemMatch": {"$gte": _PATIENTS, "$lt": "Patient0"}}
    member: Filter = {COMPARTMENTS: owner, METHOD: {"$ne": "DELETE"}}
    if extent.after is not None and extent.after.type == type_:
        member = {**member, ID: {"$lt": extent.after.id}}
    code = care_date(type_, env.definitions.search_parameters[type_])
    period = [f"{prefix}{day}" for prefix, day in (("ge", extent.start), ("le", extent.end)) if day]
    if code is None or not period:
        return member
    dated = [_criterion(env, extent, type_, code, value) for value in period]
    undated = _criterion(env, extent, type_, f"{code}:missing", "true")
    return {"$and": [member, either([alive(*dated), undated])]}


def _criterion(env: Env, extent: Extent, type_: str, name: str, value: str) -> Filter:
    ((_type, condition),) = env.search.criteria(type_, ((name, value),), extent.base_url).legs
    return condition
