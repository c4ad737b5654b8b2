"""The bridge's Sink and Lookup over any FHIR server: plain requests of the RESTful API.

Spec: https://hl7.org/fhir/R4/http.html
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

import httpx2
import msgspec

from conformance.definitions import Definitions
from hl7_bridge.inbound.questions import Search, alone, answers, recorded_since, searches
from hl7_bridge.inbound.referring import reference_parameters
from hl7_bridge.ports import Claim, Conflict, Question, Refused, Resource, StoreError, Unavailable

FHIR_JSON = "application/fhir+json"
_DECODE = msgspec.json.Decoder(float_hook=Decimal).decode
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_TIMEOUT_S = 30.0
_AT_ONCE = 16
_PAGES = 1_000
_LOST = frozenset({409, 412})
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_Found: TypeAlias = Sequence[Resource]


@asynccontextmanager
async def connected(
    base_url: str,
    definitions: Definitions,
    *,
    token: str | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator["HttpStore"]:
    """Give the store behind a FHIR base URL; `token` is sent as a bearer token.

    Errors: Unavailable when it does not tell its capabilities
    """
    headers = {"Accept": FHIR_JSON, **({} if token is None else {"Authorization": f"Bearer {token}"})}
    async with httpx2.AsyncClient(
        base_url=base_url.rstrip("/") + "/", headers=headers, timeout=_TIMEOUT_S, transport=transport
    ) as client:
        store = HttpStore(client, definitions)
        await store.learn()
        yield store


class HttpStore:
    """A FHIR server, as the bridge sees it."""

    def __init__(self, client: httpx2.AsyncClient, definitions: Definitions) -> None:
        self._client = client
        self._definitions = definitions
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._links: frozenset[tuple[str, str]] = frozenset()
        self._gives_ids = True

    async def learn(self) -> None:
        """Read from the CapabilityStatement whether clients may choose ids, and what can be searched."""
        rest: Resource = next(iter((await self._request("GET", "metadata")).get("rest", ())), {})
        resources = rest.get("resource", [])
        # A server that says nothing of it may not allow it.
        self._gives_ids = not resources or not all(one.get("updateCreate", False) for one in resources)
        self._links = frozenset(
            (one.get("type", ""), parameter.get("name", ""))
            for one in resources
            for parameter in one.get("searchParam", ())
        )

    @property
    def gives_ids(self) -> bool:
        return self._gives_ids

    async def submit(self, bundle: Resource, claims: Sequence[Claim] = ()) -> None:  # noqa: ARG002
        await self._request("POST", "", body=bundle)

    async def claims(self, keys: Sequence[str]) -> Sequence[Claim]:  # noqa: ARG002 - REST has no such thing
        return ()

    async def find(self, questions: Sequence[Question]) -> Sequence[_Found]:
        groups = await asyncio.gather(*(self._answer(search, questions) for search in searches(questions)))
        found = {place: one for group in groups for place, one in group.items()}
        return [found[place] for place in range(len(questions))]

    async def search(self, type_: str, criteria: str, limit: int) -> _Found:
        pairs = parse_qsl(criteria, keep_blank_values=True)
        return list(_hits(await self._search(type_, (*pairs, ("_count", str(limit))))))[:limit]

    async def read(self, references: Collection[str]) -> dict[str, Resource]:
        found: dict[str, Resource] = {}
        for reference in references:
            try:
                found[reference] = await self._request("GET", reference)
            except Refused:
                continue
        return found

    async def referring(self, reference: str) -> Sequence[Resource]:
        links = reference_parameters(self._definitions, reference.partition("/")[0])
        groups = await asyncio.gather(
            *(self._pages(type_, ((code, reference),)) for type_, code in links if (type_, code) in self._links)
        )
        return list({(one["resourceType"], one["id"]): one for group in groups for one in group}.values())

    async def later(self, references: Collection[str], moment: str) -> frozenset[str]:
        if ("Provenance", "when") not in self._links:
            return frozenset()
        since = (("when", f"gt{moment}"), ("recorded", f"gt{recorded_since(moment)}"))
        found = await self._pages("Provenance", (("target", ",".join(references)), *since))
        targets = {target.get("reference") for one in found for target in one.get("target", ())}
        return frozenset(targets & set(references))

    async def _answer(self, search: Search, questions: Sequence[Question]) -> dict[int, _Found]:
        bundle = await self._search(search.type, (*search.params, ("_count", str(search.count))))
        if len(search.places) > 1 and _next(bundle) is not None:
            # One identifier of the group has so many owners that others may be missing.
            groups = [await self._answer(alone(questions, place), questions) for place in search.places]
            return {place: one for group in groups for place, one in group.items()}
        return dict(answers(search, list(_hits(bundle))))

    async def _pages(self, type_: str, params: Sequence[tuple[str, str]]) -> list[Resource]:
        """Return all hits of a search; raise Refused when there are too many: what is missing would be overlooked."""
        bundle = await self._search(type_, (*params, ("_count", "500")))
        hits: list[Resource] = []
        for _ in range(_PAGES):
            hits += _hits(bundle)
            url = _next(bundle)
            if url is None:
                return hits
            bundle = await self._request("GET", self._own(url))
        raise Refused((type_, f"the search has more than {_PAGES} pages; a person must see to this"))

    def _own(self, link: str) -> str:
        """Return a link that the server gave; raise Refused when it leads to another, which would get the token."""
        base = self._client.base_url
        url = base.join(link)
        if (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
            raise Refused(("", "the FHIR server's link to a further page leads to another server"))
        return str(url)

    async def _search(self, type_: str, params: Sequence[tuple[str, str]]) -> Resource:
        # As a POST, because many identifiers make a URL that is longer than proxies like.
        # Strict, because a criterion that is passed over would find what the message does not mean.
        form = {"Content-Type": "application/x-www-form-urlencoded", "Prefer": "handling=strict"}
        return await self._request("POST", f"{type_}/_search", content=urlencode(params).encode(), headers=form)

    async def _request(
        self,
        method: str,
        url: str,
        *,
        body: Resource | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Resource:
        if body is not None:
            content, headers = _ENCODE(body), {"Content-Type": FHIR_JSON}
        try:
            async with self._places:
                answer = await self._client.request(method, url, content=content, headers=headers)
        except httpx2.HTTPError as error:
            raise Unavailable(f"the FHIR server cannot be reached: {type(error).__name__}") from None
        if answer.is_success:
            decoded: Resource = _DECODE(answer.content) if answer.content else {}
            return decoded
        raise _failure(answer.status_code, answer.content)


def _failure(status: int, content: bytes) -> StoreError:
    """Return what a refusal means; the server's words may repeat patient data, so only codes and places are kept."""
    if status in _LOST:
        return Conflict(f"the FHIR server answered {status}")
    if status in _BUSY:
        return Unavailable(f"the FHIR server answered {status}")
    return Refused(*(_issues(content) or [("", f"the FHIR server answered {status}")]))


def _issues(content: bytes) -> list[tuple[str, str]]:
    try:
        outcome: Any = _DECODE(content)
        issues = outcome["issue"]
        return [(", ".join(one.get("expression", ())), f"refused as {one.get('code')}") for one in issues]
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError, UnicodeDecodeError):
        return []


def _hits(bundle: Resource) -> Iterator[Resource]:
    for one in bundle.get("entry", ()):
        if "resource" in one and one.get("search", {}).get("mode", "match") == "match":
            yield one["resource"]


def _next(bundle: Resource) -> str | None:
    return next((link["url"] for link in bundle.get("link", ()) if link.get("relation") == "next"), None)
