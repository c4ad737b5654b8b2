"""$everything: the record of a patient or of an encounter: its compartment, and what that refers to.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html,
      https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from urllib.parse import urlencode

from fhir_server.interactions import binary
from fhir_server.interactions.bundles import Entry, bundle, outcome
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.read import existing
from fhir_server.kernel.call import Call, Params, Result
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.fhir_json import Raw
from fhir_server.kernel.layout import COMPARTMENTS
from fhir_server.kernel.query import Access, Filter, Position, Query
from fhir_server.kernel.types import Version
from fhir_server.operations.care_dates import care_date
from fhir_server.operations.definition import standard
from fhir_server.operations.parameters import Arguments, checked
from fhir_server.operations.referred import referred
from fhir_server.search import to_text
from fhir_server.search.criteria import alive, either
from fhir_server.search.page import PARAMETER, Binding, from_text, without_page

_TYPES_AT_ONCE = 24
"""Types that are read side by side: a common record has fewer, so that it is read in one go."""

_REFERRED_AT_MOST = 1_000
_CUT = Issue(
    "incomplete",
    f"this page refers to more than {_REFERRED_AT_MOST} other resources; only the first are included",
    severity="warning",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the record is asked for.

    Shape: `types` None for all; `start` and `end` are dates as passed; `count` resources a page; `after` where the
           page begins; `params` is everything but that place
    """

    types: frozenset[str] | None
    since: datetime | None
    start: str | None
    end: str | None
    count: int
    after: Position | None
    params: Params

    def takes(self, version: Version) -> bool:
        """Tell whether a resource is of a type and age that are asked for."""
        return (self.types is None or version.type in self.types) and (
            self.since is None or version.updated >= self.since
        )


async def everything(env: Env, call: Call, access: Access) -> Result:
    """Return one page of the record as a Bundle of type searchset: members match, what they refer to is included.

    Errors: NotFound or Gone for the patient or encounter, Invalid for a parameter that cannot be read
    """
    wanted = _wanted(env, call)
    owner, stored = await asyncio.gather(
        env.storage.reader.read(call.type, call.id, access), env.storage.schema.stored_types()
    )
    owner = existing(owner, f"{call.type}/{call.id}")
    legs = [(type_, _filter(env, call, wanted, type_)) for type_ in _member_types(env, owner.type, stored, wanted)]
    members, last = await _members(env, legs, wanted, access)
    others, cut = await _others(env, call, access, owner, members)
    matches = await binary.restore_all(env.storage.blobs, [one for one in members if wanted.takes(one)])
    included = await binary.restore_all(env.storage.blobs, [one for one in others if wanted.takes(one)])
    entries = [
        *(_entry(call, version, "match") for version in matches),
        *(_entry(call, version, "include") for version in included),
        *([{"resource": outcome([_CUT]), "search": {"mode": "outcome"}}] if cut else []),
    ]
    total = len(matches) if wanted.after is None and last is None else None
    return Result(200, body=bundle("searchset", entries, links=_links(call, wanted, last, env.cursor_key), total=total))


def _wanted(env: Env, call: Call) -> Wanted:
    page = next((value for name, value in call.params if name == PARAMETER), None)
    passed = checked(env.pipeline, OPERATION.definition, without_page(call.params), call.body)
    since = passed.interval("_since", env.zone)
    for name in ("start", "end"):
        passed.interval(name, env.zone)
    params = passed.pairs()
    return Wanted(
        types=_types(env, passed),
        since=None if since is None else since[0],
        start=passed.text("start"),
        end=passed.text("end"),
        count=min(passed.positive("_count") or env.settings.max_page_size, env.settings.max_page_size),
        after=None if page is None else from_text(page, _binding(call, params), env.cursor_key),
        params=params,
    )


def _types(env: Env, passed: Arguments) -> frozenset[str] | None:
    names = frozenset(name.strip() for value in passed.texts("_type") for name in value.split(","))
    for name in names - env.definitions.resource_types:
        raise Invalid(Issue("value", f"_type: {name[:60]!r} is no resource type", expression="_type"))
    return names or None


def _member_types(env: Env, owner: str, stored: Sequence[str], wanted: Wanted) -> list[str]:
    """Return the types to read, the owner's first: all of the compartment where others are reached through them."""
    possible = {owner, *env.definitions.compartments[owner]}
    read = possible if wanted.types is None or not wanted.types <= possible else wanted.types
    return sorted((type_ for type_ in stored if type_ in read), key=lambda type_: (type_ != owner, type_))


def _filter(env: Env, call: Call, wanted: Wanted, type_: str) -> Filter:
    """Return the condition on members of one type; what tells no time of care is part of every period."""
    member: Filter = {COMPARTMENTS: f"{call.type}/{call.id}"}
    code = care_date(type_, env.definitions.search_parameters[type_])
    period = [f"{prefix}{day}" for prefix, day in (("ge", wanted.start), ("le", wanted.end)) if day]
    if code is None or not period:
        return alive(member)
    criteria = [env.search.criteria(type_, ((code, value),), call.base_url) for value in period]
    undated = env.search.criteria(type_, ((f"{code}:missing", "true"),), call.base_url)
    return alive(member, either([alive(*map(_condition, criteria)), _condition(undated)]))


def _condition(query: Query) -> Filter:
    ((_type, condition),) = query.legs
    return condition


async def _members(
    env: Env, legs: Sequence[tuple[str, Filter]], wanted: Wanted, access: Access
) -> tuple[list[Version], Position | None]:
    """Return the members of one page, type by type, newest ids first, and its last place when more follow."""
    after = wanted.after
    if after is not None:
        legs = legs[[type_ for type_, _ in legs].index(after.type) :]
    found: list[Version] = []
    for start in range(0, len(legs), _TYPES_AT_ONCE):
        limit = wanted.count + 1 - len(found)
        queries = [
            Query((leg,), position=after if after is not None and leg[0] == after.type else None)
            for leg in legs[start : start + _TYPES_AT_ONCE]
        ]
        groups = await asyncio.gather(*(env.storage.finder.first(query, access, limit=limit) for query in queries))
        found += [version for group in groups for version in group]
        if len(found) > wanted.count:
            last = found[wanted.count - 1]
            return found[: wanted.count], Position((), last.type, last.id)
    return found, None


async def _others(
    env: Env, call: Call, access: Access, owner: Version, members: Sequence[Version]
) -> tuple[list[Version], bool]:
    """Return what the members refer to outside of the compartment, and whether some are missing.

    What belongs to other patients alone stays out: a list of several patients must not open their records.
    """
    known = {(version.type, version.id) for version in members}
    links = referred((version.json for version in members), call.base_url, env.definitions.resource_types)
    wanted = sorted(link for link in links if link not in known)
    by_type = [list(group) for _, group in groupby(wanted[:_REFERRED_AT_MOST], key=itemgetter(0))]
    read = await asyncio.gather(*(env.storage.reader.read_many(group, access) for group in by_type))
    found = (version for versions in read for version in versions.values())
    others = [version for version in found if not version.deleted and _belongs(version, owner)]
    return others, len(wanted) > _REFERRED_AT_MOST


def _belongs(version: Version, owner: Version) -> bool:
    """Tell whether a resource that is referred to goes with the record, and is not one of its members anyway."""
    patients = {name for name in version.compartments if name.startswith("Patient/")}
    return owner.reference not in version.compartments and (not patients or not patients.isdisjoint(owner.compartments))


def _entry(call: Call, version: Version, mode: str) -> Entry:
    return {
        "fullUrl": f"{call.base_url}/{version.reference}",
        "resource": Raw(version.json),
        "search": {"mode": mode},
    }


def _links(call: Call, wanted: Wanted, last: Position | None, key: bytes) -> dict[str, str]:
    path = f"{call.base_url}/{_path(call)}"
    links = {"self": _url(path, wanted.params)}
    if last is not None:
        token = to_text(last, _binding(call, wanted.params), key)
        links["next"] = _url(path, (*wanted.params, (PARAMETER, token)))
    return links


def _binding(call: Call, params: Params) -> Binding:
    return Binding(call.principal.id, _path(call), params)


def _path(call: Call) -> str:
    return f"{call.type}/{call.id}/$everything"


def _url(path: str, params: Params) -> str:
    return f"{path}?{urlencode(params, safe=':|,/$')}" if params else path


OPERATION = Operation(
    replace(standard("everything", "Patient"), resources=("Patient", "Encounter"), type=False), everything
)
