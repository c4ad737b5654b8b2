"""The bridge's Sink and Lookup: every step is an interaction, through the one door that all callers use.

Spec: https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/search.html
"""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from fhir_server.interactions.env import Env
from fhir_server.interactions.run import run
from fhir_server.kernel.call import Address, Call, Params, Preferences, Principal
from fhir_server.kernel.errors import (
    Conflict,
    FhirError,
    PreconditionFailed,
    Throttled,
    TimedOut,
    TooCostly,
    Unavailable,
)
from fhir_server.kernel.fhir_json import decode_stored
from fhir_server.kernel.fhir_time import bounds
from fhir_server.kernel.layout import UNSEARCHED
from fhir_server.kernel.query import EVERYTHING, Position, Query
from fhir_server.kernel.types import Guard, Resource
from fhir_server.search.kinds.reference import spellings
from fhir_server.storage.coalesce import Coalescer, Limits
from hl7_bridge import ports
from hl7_bridge.inbound.questions import Search, alone, answers, recorded_since, searches
from hl7_bridge.inbound.referring import reference_parameters

PRINCIPAL = Principal("hl7-bridge")
_STRICT = Preferences(handling="strict")
_UNCOUNTED = ("_total", "none")
_AT_ONCE = 16
_Found: TypeAlias = Sequence[Resource]


@dataclass(frozen=True, slots=True)
class _Moment:
    """Which of these resources has an event after this moment (a FHIR dateTime) written?"""

    references: frozenset[str]
    moment: str


class Store:
    """This server, as the bridge sees it."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._base_url = env.settings.base_url or f"http://{env.settings.host}:{env.settings.port}/fhir"
        self._places = asyncio.Semaphore(_AT_ONCE)
        # Messages that are in work at the same time ask together.
        self._events: Coalescer[_Moment, frozenset[str]] = Coalescer(self._later, Limits(items=50, worth=8))
        self._questions: Coalescer[Sequence[ports.Question], Sequence[_Found]] = Coalescer(
            self._answers, Limits(worth=8)
        )

    @property
    def gives_ids(self) -> bool:
        return not self._env.settings.update_as_create

    async def submit(self, bundle: Resource, claims: Sequence[ports.Claim] = ()) -> None:
        guards = tuple(Guard(one.key, one.seen) for one in claims)
        call = Call(Address("transaction"), self._base_url, PRINCIPAL, "POST", body=bundle, guards=guards)
        await self._run(call)

    async def find(self, questions: Sequence[ports.Question]) -> Sequence[_Found]:
        return await self._questions.ask(questions) if questions else ()

    async def claims(self, keys: Sequence[str]) -> Sequence[ports.Claim]:
        try:
            return [ports.Claim(one.key, one.seen) for one in await self._env.storage.guards.see(keys)]
        except Unavailable as error:
            raise ports.Unavailable(str(error)) from None

    async def search(self, type_: str, criteria: str, limit: int) -> _Found:
        pairs = parse_qsl(criteria, keep_blank_values=True)
        hits, _ = await self._page(type_, (*pairs, ("_count", str(limit))))
        return hits

    async def read(self, references: Collection[str]) -> dict[str, Resource]:
        found = await asyncio.gather(*map(self._read, references))
        return {reference: one for reference, one in zip(references, found, strict=True) if one is not None}

    async def referring(self, reference: str) -> Sequence[Resource]:
        type_, stored = reference.partition("/")[0], set(await self._env.storage.schema.stored_types())
        links = [link for link in reference_parameters(self._env.definitions, type_) if link[0] in stored]
        groups = await asyncio.gather(
            self._unsearched(reference, stored), *(self._pages(source, ((code, reference),)) for source, code in links)
        )
        return list({(one["resourceType"], one["id"]): one for group in groups for one in group}.values())

    async def _read(self, reference: str) -> Resource | None:
        type_, _, id_ = reference.partition("/")
        call = Call(Address("read", type_, id_), self._base_url, PRINCIPAL)
        try:
            async with self._places:
                body = await self._run(call)
        except ports.Refused:
            return None
        resource: Resource = decode_stored(body or b"null")
        return resource

    async def _unsearched(self, reference: str, types: Collection[str]) -> list[Resource]:
        """Return what refers to a resource where no search parameter looks."""
        wanted = {UNSEARCHED: {"$in": spellings(reference, self._base_url)}}
        query = Query(tuple((type_, wanted) for type_ in sorted(types)), count=self._env.settings.max_page_size)
        found: list[Resource] = []
        position: Position | None = None
        while True:
            try:
                page = await self._env.storage.finder.page(replace(query, position=position), EVERYTHING)
            except (Unavailable, TimedOut, TooCostly) as error:
                raise ports.Unavailable(str(error)) from None
            found += (await self.read([one.reference for one in page.versions])).values()
            position = page.next
            if position is None:
                return found

    async def later(self, references: Collection[str], moment: str) -> frozenset[str]:
        return await self._events.ask(_Moment(frozenset(references), moment))

    async def _later(self, asked: Sequence[_Moment]) -> Sequence[frozenset[str] | Exception]:
        """Answer questions about later events by one search: for any of the resources, since the first moment."""
        first = min((one.moment for one in asked), key=self._end)
        wanted = sorted(frozenset().union(*(one.references for one in asked)))
        since = (("when", f"gt{first}"), ("recorded", f"sa{recorded_since(first)}"))
        params = (("target", ",".join(wanted)), *since)
        try:
            found = await self._pages("Provenance", params)
        except ports.StoreError as error:
            return [error] * len(asked)
        events = [
            (self._end(one["occurredDateTime"]), {target.get("reference") for target in one["target"]})
            for one in found
            if "occurredDateTime" in one
        ]
        return [
            frozenset().union(*(one.references & targets for end, targets in events if end > self._end(one.moment)))
            for one in asked
        ]

    def _end(self, moment: str) -> datetime:
        return bounds(moment, self._env.zone)[1]

    async def _answers(self, asked: Sequence[Sequence[ports.Question]]) -> Sequence[Sequence[_Found] | Exception]:
        """Answer the questions of several messages together; an error is that of the messages that it concerns."""
        together = [question for questions in asked for question in questions]
        found: dict[int, _Found | Exception] = {}
        for group in await asyncio.gather(*(self._answer(search, together) for search in searches(together))):
            found |= group
        in_order = iter([found[place] for place in range(len(together))])
        return [_whole(list(islice(in_order, len(questions)))) for questions in asked]

    async def _answer(self, search: Search, questions: Sequence[ports.Question]) -> dict[int, _Found | Exception]:
        try:
            hits, more = await self._page(search.type, (*search.params, ("_count", str(search.count))))
        except ports.StoreError as error:
            if len(search.places) == 1:
                return {search.places[0]: error}
            hits, more = [], True
        if more and len(search.places) > 1:
            # One identifier of the group has so many owners that others may be missing.
            groups = [await self._answer(alone(questions, place), questions) for place in search.places]
            return {place: one for group in groups for place, one in group.items()}
        return dict(answers(search, hits))

    async def _pages(self, type_: str, params: Params) -> list[Resource]:
        """Return all hits of a search."""
        count = str(self._env.settings.max_page_size)
        hits: list[Resource] = []
        wanted: Params = (*params, ("_count", count))
        while wanted:
            bundle = await self._search(type_, wanted)
            hits += _hits(bundle)
            wanted = _next(bundle)
        return hits

    async def _page(self, type_: str, params: Params) -> tuple[list[Resource], bool]:
        """Return the hits of one page, and whether there are more."""
        bundle = await self._search(type_, params)
        return list(_hits(bundle)), bool(_next(bundle))

    async def _search(self, type_: str, params: Params) -> Resource:
        if _UNCOUNTED not in params:  # the address of a further page has it already, and nothing else may stand there
            params = (*params, _UNCOUNTED)
        # A criterion that is passed over would find what the message does not mean.
        call = Call(Address("search-type", type_), self._base_url, PRINCIPAL, params=params, prefer=_STRICT)
        async with self._places:
            body = await self._run(call)
        bundle: Resource = decode_stored(body or b"{}")
        return bundle

    async def _run(self, call: Call) -> bytes | None:
        try:
            return (await run(self._env, call)).body
        except (Conflict, PreconditionFailed) as error:
            raise ports.Conflict(str(error)) from None
        except (Unavailable, TimedOut, Throttled) as error:
            raise ports.Unavailable(str(error)) from None
        except FhirError as error:
            raise ports.Refused(*_issues(error)) from None


def _whole(found: list[_Found | Exception]) -> Sequence[_Found] | Exception:
    error = next((one for one in found if isinstance(one, Exception)), None)
    return error or [one for one in found if not isinstance(one, Exception)]


def _issues(error: FhirError) -> Iterator[tuple[str, str]]:
    return ((issue.expression or "", issue.diagnostics) for issue in error.issues)


def _hits(bundle: Resource) -> Iterator[Any]:
    return (one["resource"] for one in bundle.get("entry", ()) if one["search"]["mode"] == "match")


def _next(bundle: Resource) -> Params:
    url = next((link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"), None)
    return () if url is None else tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))
