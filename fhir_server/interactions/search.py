"""search on a type, the system or a compartment: hits, what goes with them, and links to the pages around.

Spec: https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.interactions import binary
from fhir_server.interactions.asked import request_of
from fhir_server.interactions.bundles import Entry, bundle, outcome
from fhir_server.interactions.contained import count_inside, entries_inside, total_inside
from fhir_server.interactions.env import Env
from fhir_server.interactions.including import INCLUDED_AT_MOST, included
from fhir_server.kernel import query_string
from fhir_server.kernel.call import Call, Principal, Result
from fhir_server.kernel.errors import Forbidden, Issue, TooCostly, TooLarge
from fhir_server.kernel.fhir_json import Raw, encode
from fhir_server.kernel.query import Access, Page, Position
from fhir_server.kernel.types import Shown
from fhir_server.search import Request, Results, to_text
from fhir_server.search.page import PARAMETER, limited, shortened

TOTAL_CAP = 1_000
"""Hits that are counted when nobody asks for a total: counting on would cost more than the page itself."""

_CUT = Issue(
    "incomplete",
    f"more than {INCLUDED_AT_MOST} resources go with these hits; only the first are included: ask for smaller pages",
    severity="warning",
)


async def search(env: Env, call: Call, access: Access) -> Result:
    """Return one page of hits as a Bundle of type searchset.

    Errors: Invalid or NotSupported for parameters that cannot be understood, TooCostly for what takes too long
    """
    request = await request_of(env, call, access)
    try:
        return await _answered(env, call, request, access)
    except TooLarge:  # the command; it does not matter to whom it is too large
        raise TooCostly("the search asks for more values than one command of the database can hold") from None


async def _answered(env: Env, call: Call, request: Request, access: Access) -> Result:
    inside = request.inside if request.results.contained_type == "contained" else None
    if request.results.explain:
        return await _explained(env, call, request, access)
    if request.results.count_only:
        counted = (
            count_inside(env, request, inside, access) if inside else env.storage.finder.count(request.query, access)
        )
        count = _at_most(request, await counted)
        links = _links(env, call, request, Page(()))
        return Result(200, body=bundle("searchset", _notes(request.issues), links=links, total=count))
    page, total = await _page_and_total(env, request, access)
    versions = await binary.restore_matches(env.storage.blobs, page.versions)
    companions, cut = await included(env, request.includes, versions, access, call.base_url)
    entries = _entries(env, call, versions, "match", request.results)
    if inside is not None:
        entries = await entries_inside(env, call, request, inside, versions, access)
        total = await total_inside(env, request, inside, page, len(entries), access)
    if companions:
        entries += _entries(env, call, companions, "include", _whole_elements(request.results))
    entries += _notes((*request.issues, _CUT) if cut else request.issues)
    body = bundle("searchset", entries, links=_links(env, call, request, page), total=total)
    return Result(200, body=body)


async def _explained(env: Env, call: Call, request: Request, access: Access) -> Result:
    """Return the plan of a search as an OperationOutcome.

    Errors: Forbidden where there is more than the one principal of a server without authorization
    """
    if call.principal != Principal():
        raise Forbidden("_explain tells how data are stored: it is not for every principal")
    lines = await env.storage.finder.explain(request.query, access)
    plan = [Issue("informational", line, severity="information") for line in lines]
    return Result(200, body=encode(outcome([*request.issues, *plan])))


async def _page_and_total(env: Env, request: Request, access: Access) -> tuple[Page, int | None]:
    """Return the page, and how many hits there are in all, as far as asked; None for what nobody needs to know.

    What lies beyond the cap is left open where no total was asked for, as the standard allows.
    """
    asked, most, finder = request.results.total, request.results.most, env.storage.finder
    query = shortened(request.query, most)
    if asked == "none" or (asked is None and query.position is not None):
        return limited(await finder.page(query, access), query, most), None
    if asked is not None:
        page, counted = await finder.page_and_count(query, access)
    else:
        cap = TOTAL_CAP + 1 if most is None else min(most, TOTAL_CAP + 1)
        page, counted = await finder.page_and_count(query, access, cap=cap)
        counted = None if counted is None or counted > TOTAL_CAP else counted
    return limited(page, query, most), None if counted is None else _at_most(request, counted)


def _at_most(request: Request, count: int) -> int:
    """Return how many of the hits all pages together have."""
    return count if request.results.most is None else min(count, request.results.most)


def _entries(env: Env, call: Call, versions: Sequence[Shown], mode: str, wanted: Results) -> list[Entry]:
    base, search = call.base_url, {"mode": mode}
    texts = (
        [env.search.shaped(one.json, wanted) for one in versions]
        if not wanted.whole
        else [one.json for one in versions]
    )
    return [
        {"fullUrl": f"{base}/{one.type}/{one.id}", "resource": Raw(text), "search": search}
        for one, text in zip(versions, texts, strict=True)
    ]


def _whole_elements(wanted: Results) -> Results:
    """Return how included resources are shaped: _elements names elements of the hits alone."""
    return Results(summary=wanted.summary)


def _notes(issues: Sequence[Issue]) -> list[Mapping[str, Any]]:
    return [{"resource": outcome(issues), "search": {"mode": "outcome"}}] if issues else []


def _links(env: Env, call: Call, request: Request, page: Page) -> dict[str, str]:
    base = f"{call.base_url}/{request.binding.path}".rstrip("/")
    links = {"self": _url(base, request.self_query)}

    def at(position: Position) -> str:
        place = (PARAMETER, to_text(position, request.binding, env.cursor_key))
        return _url(base, query_string.text((*request.binding.params, place)))

    if page.next is not None or page.previous is not None:
        links["first"] = _url(base, query_string.text(request.binding.params))
    if page.previous is not None:
        links["previous"] = at(page.previous)
    if page.next is not None:
        links["next"] = at(page.next)
    return links


def _url(base: str, query: str) -> str:
    return f"{base}?{query}" if query else base
