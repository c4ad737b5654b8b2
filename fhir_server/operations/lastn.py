"""$lastn: the most recent Observations of each code.

Spec: https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fhir_server.interactions.bundles import Entry, bundle
from fhir_server.interactions.env import Env
from fhir_server.interactions.operation import Operation
from fhir_server.kernel.call import Call, Params, Result
from fhir_server.kernel.errors import Invalid, Issue, NotSupported
from fhir_server.kernel.fhir_json import Raw, decode_stored
from fhir_server.kernel.fhir_text import fold
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource, Version
from fhir_server.operations.definition import standard
from fhir_server.operations.observations.newest import newest_first
from fhir_server.operations.parameters import valid
from fhir_server.search.includes import is_include
from fhir_server.search.page import PARAMETER
from fhir_server.search.results import RESULT_PARAMETERS

_MAX = "max"
_NO_CRITERIA = frozenset({"_type", PARAMETER, *RESULT_PARAMETERS})
_NOT_RESULTS = (("status:not", "entered-in-error"),)
"""What was never observed is nobody's last value; a caller who names a status gets what is named."""


@dataclass(frozen=True, slots=True)
class Coded:
    """An Observation and everything that its code can be recognised by."""

    version: Version
    names: frozenset[str]


@dataclass(slots=True)
class _Group:
    """Observations of one code, newest first, each with its rank among all; `names` grows as codings join."""

    names: set[str]
    members: list[tuple[int, Version]]


async def lastn(env: Env, call: Call, access: Access) -> Result:
    """Return the last `max` (else 1) Observations of each code as a Bundle: newest code first, its newest first.

    Errors: Invalid without `patient` or `subject`, NotSupported for what is neither `max` nor a search parameter of
            Observation, TooCostly when too many Observations would have to be read
    """
    passed = valid(env.pipeline, call.params, call.body)
    criteria = tuple(pair for pair in passed.pairs() if pair[0] != _MAX)
    for name, _ in criteria:
        if name in _NO_CRITERIA or is_include(name):
            raise NotSupported(Issue("not-supported", f"{name[:60]}: has no meaning in $lastn", expression=name[:60]))
    names = {name.partition(":")[0].partition(".")[0] for name, _ in criteria}
    if names.isdisjoint(("patient", "subject")):
        raise Invalid(Issue("required", "patient or subject: whose Observations?", expression="patient"))
    observations = await newest_first(env, call, access, criteria if "status" in names else criteria + _NOT_RESULTS)
    coded = (Coded(version, code_names(decode_stored(version.json))) for version in observations)
    groups = last_of_each(coded, passed.positive(_MAX) or 1)
    entries = [_entry(call, version) for group in groups for version in group]
    links = {"self": _url(call, passed.pairs())}
    return Result(200, body=bundle("searchset", entries, links=links, total=len(entries)))


def code_names(observation: Resource) -> frozenset[str]:
    """Return what the code of an Observation can be recognised by: its codings, else its text."""
    code: dict[str, Any] = observation.get("code", {})
    codings = {f"{one.get('system', '')}|{one['code']}" for one in code.get("coding", ()) if "code" in one}
    return frozenset(codings or {fold(code.get("text", ""))})


def last_of_each(observations: Iterable[Coded], most: int) -> list[list[Version]]:
    """Return the first `most` observations of each code; codes are the same when they share a coding.

    Shape: `observations` newest first; the groups come in the order of their newest
    """
    by_name: dict[str, _Group] = {}
    for rank, observation in enumerate(observations):
        known = {id(by_name[name]): by_name[name] for name in observation.names if name in by_name}
        group = _merged([_Group(set(observation.names), [(rank, observation.version)]), *known.values()], most)
        by_name.update(dict.fromkeys(group.names, group))
    groups = {id(group): group for group in by_name.values()}.values()
    return [[version for _, version in group.members] for group in sorted(groups, key=lambda one: one.members[0][0])]


def _merged(groups: list[_Group], most: int) -> _Group:
    members = sorted((member for group in groups for member in group.members), key=lambda member: member[0])
    return _Group(set().union(*(group.names for group in groups)), members[:most])


def _entry(call: Call, version: Version) -> Entry:
    return {
        "fullUrl": f"{call.base_url}/{version.reference}",
        "resource": Raw(version.json),
        "search": {"mode": "match"},
    }


def _url(call: Call, params: Params) -> str:
    return f"{call.base_url}/Observation/$lastn?{urlencode(params, safe=':|,/$')}"


OPERATION = Operation(standard("lastn", "Observation"), lastn)
