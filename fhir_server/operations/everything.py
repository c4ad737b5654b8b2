"""$everything: the record of a patient, of an encounter or of all patients: compartments, and what they refer to.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html,
      https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from fhir_server.interactions import binary
from fhir_server.interactions.bundles import Entry, bundle, outcome
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.read import existing
from fhir_server.kernel.call import Call, Params, Result
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.fhir_json import Raw
from fhir_server.kernel.query import Access, Position
from fhir_server.kernel.types import Version
from fhir_server.operations.definition import standard
from fhir_server.operations.parameters import Arguments, checked
from fhir_server.operations.record import REFERRED_AT_MOST, Extent, members, others
from fhir_server.search import to_text
from fhir_server.search.page import PARAMETER, Binding, from_text, without_page

_CUT = Issue(
    "incomplete",
    f"this page refers to more than {REFERRED_AT_MOST} other resources; only the first are included",
    severity="warning",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: `extent` is read, what is of an age returned; `params` are all but the place."""

    extent: Extent
    since: datetime | None
    params: Params

    def takes(self, version: Version) -> bool:
        """Tell whether a resource is of a type and age that are asked for."""
        types = self.extent.types
        return (types is None or version.type in types) and (self.since is None or version.updated >= self.since)


async def everything(env: Env, call: Call, access: Access) -> Result:
    """Return one page of the record as a Bundle of type searchset: members match, what they refer to is included.

    Errors: NotFound or Gone for the patient or encounter, Invalid for a parameter that cannot be read
    """
    wanted = _wanted(env, call)
    owned, (found, last) = await asyncio.gather(_compartments(env, call, access), members(env, wanted.extent, access))
    referred, cut = await others(env, wanted.extent, access, owned, found)
    matches = await binary.restore_all(env.storage.blobs, [one for one in found if wanted.takes(one)])
    included = await binary.restore_all(env.storage.blobs, [one for one in referred if wanted.takes(one)])
    entries = [
        *(_entry(call, version, "match") for version in matches),
        *(_entry(call, version, "include") for version in included),
        *([{"resource": outcome([_CUT]), "search": {"mode": "outcome"}}] if cut else []),
    ]
    total = len(matches) if wanted.extent.after is None and last is None else None
    return Result(200, body=bundle("searchset", entries, links=_links(call, wanted, last, env.cursor_key), total=total))


async def _compartments(env: Env, call: Call, access: Access) -> Collection[str]:
    """Return the compartments of the owner, who must exist; none where all patients are asked for."""
    if call.address.id is None:
        return ()
    owner = await env.storage.reader.read(call.type, call.id, access)
    return existing(owner, f"{call.type}/{call.id}").compartments


def _wanted(env: Env, call: Call) -> Wanted:
    page = next((value for name, value in call.params if name == PARAMETER), None)
    definition = _OPERATIONS[call.type].definition
    passed = checked(env.pipeline, definition, without_page(call.params), call.body)
    since = passed.interval("_since", env.zone)
    for name in ("start", "end"):
        passed.interval(name, env.zone)
    params = passed.pairs()
    extent = Extent(
        type=call.type,
        owner=None if call.address.id is None else f"{call.type}/{call.id}",
        types=_types(env, passed),
        start=passed.text("start"),
        end=passed.text("end"),
        count=min(passed.positive("_count") or env.settings.max_page_size, env.settings.max_page_size),
        after=None if page is None else from_text(page, _binding(call, params), env.cursor_key),
        base_url=call.base_url,
    )
    return Wanted(extent, None if since is None else since[0], params)


def _types(env: Env, passed: Arguments) -> frozenset[str] | None:
    names = frozenset(name.strip() for value in passed.texts("_type") for name in value.split(","))
    for name in names - env.definitions.resource_types:
        raise Invalid(Issue("value", f"_type: {name[:60]!r} is no resource type", expression="_type"))
    return names or None


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
    return "/".join(part for part in (call.type, call.address.id, "$everything") if part)


def _url(path: str, params: Params) -> str:
    return f"{path}?{urlencode(params, safe=':|,/$')}" if params else path


_PATIENT = standard("everything", "Patient")
OF_PATIENT = Operation(_PATIENT, everything)
# The standard bounds only a patient's record by the time of care; a long stay in hospital needs it as much.
OF_ENCOUNTER = Operation(replace(standard("everything", "Encounter"), parameters=_PATIENT.parameters), everything)

_OPERATIONS: Mapping[str, Operation] = {"Patient": OF_PATIENT, "Encounter": OF_ENCOUNTER}
