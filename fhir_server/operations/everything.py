"""$everything: the record of a patient, of an encounter or of all patients: compartments, and what they refer to.

Spec: https://hl7.org/fhir/R4/patient-operation-everything.html,
      https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from fhir_server.interactions import binary
from fhir_server.interactions.bundles import Entry, bundle, content, outcome
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.interactions.read import existing
from fhir_server.kernel.call import Call, Params, Result, Stream
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.fhir_json import Raw, encode
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
    """What is asked for: `extent` is read, what is of an age returned; `params` are all but the place.

    `whole`: the record is to come as one Bundle, however long it is.
    """

    extent: Extent
    since: datetime | None
    params: Params
    whole: bool

    def takes(self, version: Version) -> bool:
        """Tell whether a resource is of a type and age that are asked for."""
        types = self.extent.types
        return (types is None or version.type in types) and (self.since is None or version.updated >= self.since)


@dataclass(frozen=True, slots=True)
class _Record:
    """A record that is being read: by whom, what of it, and the compartments of its owner."""

    env: Env
    call: Call
    access: Access
    wanted: Wanted
    owned: Collection[str]


async def everything(env: Env, call: Call, access: Access) -> Result:
    """Return the record as a Bundle of type searchset: members match, what they refer to is included.

    Who asks for no pages gets what is longer than one as a stream: as one text it would fill the memory.
    Errors: NotFound or Gone for the patient or encounter, Invalid for a parameter that cannot be read
    """
    wanted = _wanted(env, call)
    owned, (found, last) = await asyncio.gather(_compartments(env, call, access), members(env, wanted.extent, access))
    record = _Record(env, call, access, wanted, owned)
    if wanted.whole and last is not None:
        return Result(
            200, stream=Stream(content("searchset", links=_links(record, None)), _batches(record, found, last))
        )
    matches, included = await _entries(record, found, set())
    total = len(matches) if wanted.extent.after is None and last is None else None
    return Result(200, body=bundle("searchset", [*matches, *included], links=_links(record, last), total=total))


async def _batches(
    record: _Record, found: list[Version], last: Position | None
) -> AsyncGenerator[Sequence[bytes], None]:
    """Yield the entries of the members found, then of those behind `last`, a page at a time.

    No cursor is open between two batches, however long the client takes for one.
    """
    told: set[tuple[str, str]] = set()
    while True:
        matches, included = await _entries(record, found, told)
        yield [encode(entry) for entry in (*matches, *included)]
        if last is None:
            return
        found, last = await members(record.env, replace(record.wanted.extent, after=last), record.access)


async def _entries(
    record: _Record, found: list[Version], told: set[tuple[str, str]]
) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of members, and of what they refer to and is not `told` yet; it is told from now on."""
    env, wanted = record.env, record.wanted
    referred, cut = await others(env, wanted.extent, record.access, record.owned, found, told=told)
    told.update((version.type, version.id) for version in referred)
    matches, included = [
        [_entry(record.call, version, mode) for version in await binary.restore_all(env.storage.blobs, taken)]
        for mode, taken in (
            ("match", [version for version in found if wanted.takes(version)]),
            ("include", [version for version in referred if wanted.takes(version)]),
        )
    ]
    if cut:
        included.append({"resource": outcome([_CUT]), "search": {"mode": "outcome"}})
    return matches, included


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
    # All patients are never sent in one go: nobody could go on where such an answer broke off.
    whole = call.streams and extent.owner is not None and page is None and passed.positive("_count") is None
    return Wanted(extent, None if since is None else since[0], params, whole)


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


def _links(record: _Record, last: Position | None) -> dict[str, str]:
    call, params = record.call, record.wanted.params
    path = f"{call.base_url}/{_path(call)}"
    links = {"self": _url(path, params)}
    if last is not None:
        token = to_text(last, _binding(call, params), record.env.cursor_key)
        links["next"] = _url(path, (*params, (PARAMETER, token)))
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
