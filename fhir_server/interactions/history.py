"""history: the versions of a resource, of a type, or of everything, newest first.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from dataclasses import dataclass
from datetime import datetime

from fhir_server.interactions import binary
from fhir_server.interactions.bundles import bundle, history_entry
from fhir_server.interactions.env import Env
from fhir_server.kernel import query_string
from fhir_server.kernel.call import Call, Params, Result
from fhir_server.kernel.errors import Invalid, Issue, NotFound
from fhir_server.kernel.fhir_time import bounds
from fhir_server.kernel.query import Access
from fhir_server.storage import HistoryCursor

_FORMAT = frozenset({"_format", "_pretty"})


@dataclass(frozen=True, slots=True)
class Window:
    """Which versions are asked for: `at` and `since` bound the time, `count` the page, `after` where it starts."""

    since: datetime | None
    at: tuple[datetime, datetime] | None
    count: int
    after: HistoryCursor | None


async def history(env: Env, call: Call, access: Access) -> Result:
    """Return one page of versions as a Bundle of type history.

    Errors: NotFound for an instance that never existed, Invalid for a parameter that cannot be read
    """
    window = _window(env, call)
    type_, id_ = call.address.type, call.address.id
    if id_ is not None and await env.storage.reader.read(call.type, id_, access) is None:
        raise NotFound(f"{type_}/{id_} is not known")
    page = await env.storage.history.page(
        None if type_ is None else [type_],
        id=id_,
        since=window.since,
        at=window.at,
        count=window.count,
        after=window.after,
        access=access,
    )
    versions = await binary.restore_all(env.storage.blobs, list(page.versions))
    entries = [history_entry(version, call.base_url) for version in versions]
    body = bundle("history", entries, links=_links(call, page.next), total=page.total)
    return Result(200, body=body)


def _window(env: Env, call: Call) -> Window:
    """Return what the parameters ask for; parameters that history does not have are refused when strict."""
    since: datetime | None = None
    at: tuple[datetime, datetime] | None = None
    count = env.settings.page_size
    after: HistoryCursor | None = None
    for name, value in call.params:
        match name:
            case "_since":
                since = _instant(name, value, env)[0]
            case "_at":
                at = _instant(name, value, env)
            case "_count":
                count = _count(value, env.settings.max_page_size)
            case "_after":
                after = _cursor(value)
            case _ if name not in _FORMAT and call.prefer.handling == "strict":
                raise Invalid(Issue("not-supported", f"history has no parameter {name[:60]!r}", expression=name[:60]))
    return Window(since, at, count, after)


def _instant(name: str, value: str, env: Env) -> tuple[datetime, datetime]:
    try:
        return bounds(value, env.zone)
    except Invalid:
        raise Invalid(Issue("value", f"{name} is not a FHIR instant or date", expression=name)) from None


def _count(value: str, most: int) -> int:
    if not (value.isascii() and value.isdigit()):
        raise Invalid(Issue("value", "_count is not a whole number", expression="_count"))
    return most if len(value) > len(str(most)) else min(int(value), most)


def _cursor(value: str) -> HistoryCursor:
    try:
        return HistoryCursor.from_text(value)
    except ValueError:
        raise Invalid(Issue("value", "_after is not a place in this history", expression="_after")) from None


def _links(call: Call, after: HistoryCursor | None) -> dict[str, str]:
    path = "/".join(part for part in (call.base_url, call.address.type, call.address.id, "_history") if part)
    kept: Params = tuple(pair for pair in call.params if pair[0] != "_after")
    links = {"self": f"{path}?{query_string.text(call.params)}" if call.params else path}
    if after is not None:
        links["next"] = f"{path}?{query_string.text((*kept, ('_after', after.to_text())))}"
    return links
