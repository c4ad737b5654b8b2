"""Changes on a FHIR server since a moment, from the history of each type.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import httpx2
import msgspec

from hl7_bridge.outbound.setting import Event, Resource

_DECODE: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_PAGE: Final = 200
_SENDER: Final = "urn:hl7v2:sender"


class FeedError(Exception):
    """The server cannot be read now; the text holds no patient data."""


@dataclass(frozen=True, slots=True)
class Change:
    """One version of a resource.

    Shape: `resource` is the version, the one before it when it was deleted; `subject` is "Patient/1/_history/3";
           `occurred` is the instant of the change; `origin` is the sender ("MSH-3|MSH-4") of the message that made it
    """

    resource: Resource
    subject: str
    event: Event
    occurred: str
    origin: str = ""


class Feed(Protocol):
    """Where changes come from, and the resources around them."""

    async def changes(self, types: Collection[str], since: str) -> Sequence[Change]:
        """Return the changes at and after an instant, the oldest first.

        Errors: FeedError
        """

    async def read(self, references: Collection[str]) -> Mapping[str, Resource]:
        """Return those of the resources ("Patient/1") that exist.

        Errors: FeedError
        """


class HttpFeed:
    """The changes of a FHIR server, by its RESTful API."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        """`client` has the server's base URL, ended by a slash, and what authorises it."""
        self._client = client

    async def changes(self, types: Collection[str], since: str) -> Sequence[Change]:
        found = [change for type_ in types async for change in self._of_type(type_, since)]
        return sorted(found, key=lambda change: change.occurred)

    async def read(self, references: Collection[str]) -> Mapping[str, Resource]:
        found = {reference: await self._get(reference) for reference in references}
        return {reference: resource for reference, resource in found.items() if resource is not None}

    async def _of_type(self, type_: str, since: str) -> AsyncIterator[Change]:
        url: str | None = f"{type_}/_history?{urlencode({'_since': since, '_count': _PAGE})}"
        while url is not None:
            page = await self._get(url) or {}
            for entry in page.get("entry", ()):
                if change := await self._change(type_, entry):
                    yield change
            url = next((link["url"] for link in page.get("link", ()) if link.get("relation") == "next"), None)

    async def _change(self, type_: str, entry: Mapping[str, Any]) -> Change | None:
        response = entry.get("response", {})
        deleted = entry.get("request", {}).get("method") == "DELETE" or "resource" not in entry
        reference = f"{type_}/{_id(entry)}"
        resource = await self._before(reference) if deleted else entry["resource"]
        if resource is None:
            return None
        occurred = response.get("lastModified") or resource.get("meta", {}).get("lastUpdated", "")
        version = _version(response) or resource.get("meta", {}).get("versionId", "")
        created = str(response.get("status", "")).startswith("201")
        event: Event = "delete" if deleted else "create" if created else "update"
        origin = await self._origin(reference, occurred)
        return Change(resource, f"{reference}/_history/{version}", event, occurred, origin)

    async def _before(self, reference: str) -> Resource | None:
        """Return the last version of a resource that was deleted."""
        page = await self._get(f"{reference}/_history?_count=5") or {}
        return next((entry["resource"] for entry in page.get("entry", ()) if "resource" in entry), None)

    async def _origin(self, reference: str, occurred: str) -> str:
        """Return the sender of the message that made a version: its Provenance was stored in the same moment."""
        page = await self._get(f"Provenance?{urlencode({'target': reference, '_sort': '-_lastUpdated', '_count': 1})}")
        for entry in (page or {}).get("entry", ()):
            resource = entry.get("resource", {})
            if resource.get("meta", {}).get("lastUpdated") != occurred:
                continue
            for agent in resource.get("agent", ()):
                identifier = agent.get("who", {}).get("identifier", {})
                if identifier.get("system") == _SENDER:
                    return str(identifier.get("value", ""))
        return ""

    async def _get(self, url: str) -> Resource | None:
        """Return the JSON behind a URL; None when there is nothing (any more)."""
        try:
            answer = await self._client.get(quote(url, safe="/:?&=%-_.~+,|"))
        except httpx2.HTTPError as error:
            raise FeedError(f"the FHIR server cannot be reached: {type(error).__name__}") from None
        if answer.status_code in (404, 410):
            return None
        if not answer.is_success:
            raise FeedError(f"the FHIR server answered {answer.status_code}")
        try:
            decoded: Resource = _DECODE(answer.content)
        except msgspec.MsgspecError:
            raise FeedError("the FHIR server's answer is no JSON") from None
        return decoded


def _id(entry: Mapping[str, Any]) -> str:
    resource_id = entry.get("resource", {}).get("id")
    return str(resource_id or entry.get("fullUrl", "").rpartition("/")[2])


def _version(response: Mapping[str, Any]) -> str:
    return str(response.get("etag", "")).removeprefix("W/").strip('"')
