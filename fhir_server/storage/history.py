"""History: current and superseded versions of one resource, a type or everything, merged newest first.

The order is (updated descending, type, id, version descending); a cursor names the last version of a page in it.
Spec: https://hl7.org/fhir/R4/http.html#history
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Version
from fhir_server.storage import translate
from fhir_server.storage.document import READING, SERVED, version_of
from fhir_server.storage.schema import Schema

TOTAL_CAP = 10_000
"""Versions that are counted for a page's total; beyond, there is none."""

_TYPE = "type"
_ORDER = {layout.UPDATED: -1, _TYPE: 1, layout.HISTORY_ID: 1, layout.VERSION: -1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(\d{1,15})~([A-Za-z]{1,64})~([A-Za-z0-9\-.]{1,64})~(\d{1,9})", re.ASCII)

Criterion: TypeAlias = dict[str, Any]
Stage: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HistoryCursor:
    """The last version of a page: the next page begins after it."""

    updated: datetime
    type: str
    id: str
    version: int

    def to_text(self) -> str:
        """Return the cursor as it stands in a link: milliseconds, type, id and version, joined by tildes."""
        return f"{(self.updated - _EPOCH) // timedelta(milliseconds=1)}~{self.type}~{self.id}~{self.version}"

    @classmethod
    def from_text(cls, text: str) -> "HistoryCursor":
        """Return the cursor of a link; raise ValueError for any other text."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise ValueError("not a history cursor")
        milliseconds, type_, id_, version = match.groups()
        try:
            updated = _EPOCH + timedelta(milliseconds=int(milliseconds))
        except OverflowError:
            raise ValueError("not a history cursor") from None
        return cls(updated, type_, id_, int(version))


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Versions, newest first; `next` is None on the last page, `total` when more than TOTAL_CAP match."""

    versions: tuple[Version, ...]
    next: HistoryCursor | None
    total: int | None


@dataclass(frozen=True, slots=True)
class _Source:
    """A collection that holds versions of a type, and the name of the field that holds the logical id."""

    type: str
    collection: str
    id_field: str
    superseded: bool


class History:
    """Reads pages of versions."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], schema: Schema, *, time_limit_s: float) -> None:
        self._database = database.with_options(codec_options=READING)
        self._schema = schema
        self._time_limit_s = time_limit_s

    async def page(  # noqa: PLR0913 - the parameters of FHIR's history, keyword-only
        self,
        types: Sequence[str] | None,
        *,
        access: Access,
        count: int,
        id: str | None = None,
        since: datetime | None = None,
        at: tuple[datetime, datetime] | None = None,
        after: HistoryCursor | None = None,
    ) -> HistoryPage:
        """Return the versions that are newest after the cursor.

        Shape:  `types` None means all types; `id` needs exactly one type
        Units:  `since` is inclusive; `at` is half-open and means versions that were current at some moment of it
        Errors: TooCostly beyond the time limit
        """
        stored = await self._schema.stored_types()
        sources = list(_sources(stored if types is None else [type_ for type_ in types if type_ in stored]))
        if not sources:
            return HistoryPage((), None, 0)
        criteria = {source.collection: _criteria(source, access, id, since, at) for source in sources}
        with translate.errors(), pymongo.timeout(self._time_limit_s):
            documents = await self._run(_page_stages(sources, criteria, count=count, after=after))
            counted = await self._run(_count_stages(sources, criteria))
        total = counted[0]["total"] if counted else 0
        return _page(documents, count, total if total <= TOTAL_CAP else None)

    async def _run(self, stages: tuple[str, list[Stage]]) -> list[dict[str, Any]]:
        collection, pipeline = stages
        cursor = await self._database[collection].aggregate(pipeline)
        return await cursor.to_list(None)


def _sources(types: Sequence[str]) -> Iterator[_Source]:
    """Yield the collections in the order of reading: current first.

    A version that an update supersedes in between is then seen twice, never missed.
    """
    for type_ in types:
        yield _Source(type_, type_, layout.ID, superseded=False)
        yield _Source(type_, layout.history_collection(type_), layout.HISTORY_ID, superseded=True)


def _criteria(
    source: _Source,
    access: Access,
    id_: str | None,
    since: datetime | None,
    at: tuple[datetime, datetime] | None,
) -> list[Criterion]:
    criteria: list[Criterion] = [dict(access.filter)] if access.filter else []
    if id_ is not None:
        criteria.append({source.id_field: id_})
    if since is not None:
        criteria.append({layout.UPDATED: {"$gte": since}})
    if at is not None:
        criteria.append({layout.UPDATED: {"$lt": at[1]}})
        if source.superseded:
            criteria.append({layout.UNTIL: {"$gt": at[0]}})
    return criteria


def _page_stages(
    sources: list[_Source], criteria: Mapping[str, list[Criterion]], *, count: int, after: HistoryCursor | None
) -> tuple[str, list[Stage]]:
    """Return the collection to start from, and one pipeline that merges the newest versions of all sources.

    One more than `count` tells whether there is a next page; the double of a moment's race needs another.
    """
    limit = {"$limit": count + 2}

    def newest(source: _Source) -> list[Stage]:
        wanted = [*criteria[source.collection], *([_after(source, after)] if after else [])]
        order = {layout.UPDATED: -1, source.id_field: 1} | ({layout.VERSION: -1} if source.superseded else {})
        named = {_TYPE: {"$literal": source.type}, layout.HISTORY_ID: f"${source.id_field}"}
        return [{"$match": {"$and": wanted}} if wanted else {"$match": {}}, {"$sort": order}, limit,
                {"$project": SERVED | named}]  # fmt: skip

    first, *others = sources
    union = [{"$unionWith": {"coll": source.collection, "pipeline": newest(source)}} for source in others]
    return first.collection, [*newest(first), *union, {"$sort": _ORDER}, limit]


def _count_stages(sources: list[_Source], criteria: Mapping[str, list[Criterion]]) -> tuple[str, list[Stage]]:
    def ids(source: _Source) -> list[Stage]:
        wanted = criteria[source.collection]
        match = {"$match": {"$and": wanted} if wanted else {}}
        return [match, {"$limit": TOTAL_CAP + 1}, {"$project": {layout.ID: True}}]

    first, *others = sources
    union = [{"$unionWith": {"coll": source.collection, "pipeline": ids(source)}} for source in others]
    return first.collection, [*ids(first), *union, {"$limit": TOTAL_CAP + 1}, {"$count": "total"}]


def _after(source: _Source, cursor: HistoryCursor) -> Criterion:
    """Return the criterion for what follows the cursor in this source; the first part bounds the index scan."""
    if source.type > cursor.type:
        return {layout.UPDATED: {"$lte": cursor.updated}}
    if source.type < cursor.type:
        return {layout.UPDATED: {"$lt": cursor.updated}}
    return {
        layout.UPDATED: {"$lte": cursor.updated},
        "$or": [
            {layout.UPDATED: {"$lt": cursor.updated}},
            {source.id_field: {"$gt": cursor.id}},
            {source.id_field: cursor.id, layout.VERSION: {"$lt": cursor.version}},
        ],
    }


def _page(documents: list[dict[str, Any]], count: int, total: int | None) -> HistoryPage:
    versions = {
        (one[_TYPE], one[layout.HISTORY_ID], one[layout.VERSION]): version_of(one[_TYPE], one[layout.HISTORY_ID], one)
        for one in documents
    }
    shown = tuple(versions.values())[:count]
    if len(versions) <= count or not shown:
        return HistoryPage(shown, None, total)
    last = shown[-1]
    return HistoryPage(shown, HistoryCursor(last.updated, last.type, last.id, last.version), total)
