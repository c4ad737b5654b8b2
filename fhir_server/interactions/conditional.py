"""Which resource do criteria mean? At most one, or the interaction is refused.

Spec: https://hl7.org/fhir/R4/http.html#ccreate, https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial

from fhir_server.interactions.env import Env
from fhir_server.kernel import query_string
from fhir_server.kernel.call import Call, Params
from fhir_server.kernel.errors import FhirError, Invalid, Issue, MultipleMatches, Outdated, PreconditionFailed
from fhir_server.kernel.query import Access, Query
from fhir_server.kernel.types import Resource, Version


@dataclass(frozen=True, slots=True)
class Criteria:
    """Search criteria that are to name one resource.

    `guard_keys`: one for each parameter. Two writers whose criteria can mean the same new resource share a key.
    """

    type: str
    query: Query
    guard_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meant:
    """The one resource that a call is about: `look` tells what it is now, `keys` are the turns of its writers."""

    keys: tuple[str, ...]
    look: Callable[[], Awaitable[Version | None]]


def meant(env: Env, call: Call, access: Access) -> Meant:
    """Return the resource that the address or the criteria of a call mean.

    Criteria are matched at every look: what matched before its writer's turn may not match any more.
    Errors: those of `from_params`; of `match`, when it is looked for
    """
    if call.address.id is not None:
        return Meant((f"{call.type}/{call.id}",), partial(env.storage.reader.read, call.type, call.id, access))
    criteria = from_params(env, call.type, call.params, call.base_url)
    return Meant(criteria.guard_keys, partial(match, env, criteria, access))


def from_text(env: Env, type_: str, text: str, base_url: str) -> Criteria:
    """Return the criteria of an If-None-Exist header or a conditional reference.

    Shape: "identifier=urn:x|1", also with the type before it: "Patient?identifier=urn:x|1"
    """
    return from_params(env, type_, criteria_params(type_, text), base_url)


def criteria_params(type_: str, text: str) -> Params:
    """Return the parameters of criteria that come as text; raise Invalid when it is no query string."""
    return query_string.parse(text.removeprefix(type_).removeprefix("?"))


def from_params(env: Env, type_: str, params: Params, base_url: str) -> Criteria:
    """Return the criteria of a conditional URL.

    Errors: Invalid when there are none (they would mean every resource), or one is unknown or malformed,
            PreconditionFailed when one is not complete yet
    """
    plain = tuple(pair for pair in params if pair[0] not in ("_format", "_pretty"))
    if not any(value for _, value in plain):
        raise Invalid(Issue("required", "a conditional interaction needs search criteria"))
    query = env.search.criteria(type_, plain, base_url)
    return Criteria(type_, query, env.search.guard_keys(type_, plain))


async def match(env: Env, criteria: Criteria, access: Access, *, without: Collection[str] = ()) -> Version | None:
    """Return the one resource that the criteria mean, None when there is none.

    `without` are references of resources that the same transaction deletes: they do not count.
    Errors: MultipleMatches when there are several, Outdated when search parameters in the criteria were altered
    """
    if env.search.rests_on_custom(criteria.query) and env.rules != await env.storage.rules.state():
        raise Outdated("the search parameters were altered in the meantime")
    found = await env.storage.finder.first(criteria.query, access, limit=2 + len(without))
    found = [version for version in found if version.reference not in without]
    if len(found) > 1:
        raise MultipleMatches(f"the criteria match more than one {criteria.type}")
    return found[0] if found else None


def target_id(resource: Resource, found: Version | None) -> str | None:
    """Return the id that a conditional update writes to, None when the server is to give a new one.

    Errors: Invalid when the body names another id than that of the resource that was found
    """
    named: str | None = resource.get("id")
    if found is not None and named is not None and named != found.id:
        raise Invalid(Issue("value", "the body's id is not that of the resource that the criteria match"))
    return found.id if found is not None else named


class Taken(FhirError):
    """What has the id is not what the criteria mean; other than after a Conflict, nothing is gained by trying again."""

    status, code = 409, "duplicate"


def free(current: Version | None) -> Version | None:
    """Return what stands under the id that the body of a conditional update names, when its criteria match nothing.

    R4 calls that an update: it would replace a resource that the criteria do not mean. We refuse it as R5 does.
    Errors: Taken unless nothing is there, or a deletion
    """
    if current is not None and not current.deleted:
        raise Taken(f"the criteria match no {current.type}, but {current.reference} is there: its id is in the body")
    return current


async def one(env: Env, criteria: Criteria, access: Access) -> Version:
    """Return the resource that the criteria mean; raise PreconditionFailed when there is none."""
    found = await match(env, criteria, access)
    if found is None:
        raise PreconditionFailed(Issue("not-found", f"the criteria match no {criteria.type}"))
    return found
