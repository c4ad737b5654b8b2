"""History: current and superseded versions of one resource, a type or everything, merged newest first.

The order is (updated descending, type, id, version descending); a cursor names the last version of a page in it.
What is not deleted is read by the index that search has of _lastUpdated. One of its own would make all indexes 4 to 8 %
larger, and an update cost mongod 13 % more; without it a page of all types costs mongod 12 % more (demo clinics).
Spec: https://hl7.org/fhir/R4/http.html#history
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pymongo
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.fhir_time import EARLIEST
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
    """Some versions of a type: where they are, and the fields of their logical id and instant, as an index has them.

    Shape: `only` is what tells these versions from the others in the collection
    """

    type: str
    collection: str
    only: Criterion
    id_field: str = layout.ID
    instant: str = layout.UPDATED
    superseded: bool = False


_Leg: TypeAlias = tuple[_Source, Sequence[Criterion]]
"""A source and what is wanted of it."""


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
        wanted = [type_ for type_ in stored if types is None or type_ in types]
        if not wanted:
            return HistoryPage((), None, 0)
        legs = [(one, _criteria(one, access, since, at)) for type_ in wanted for one in _sources(type_, id)]
        counts = legs
        if id is None and since is None and at is None:
            counts = [(one, _criteria(one, access, None, None)) for type_ in wanted for one in _collections(type_)]
        with translate.errors(), pymongo.timeout(self._time_limit_s):
            documents, counted = await asyncio.gather(
                self._run(_page_stages(legs, count=count, after=after)), self._run(_count_stages(counts))
            )
        total = counted[0]["total"] if counted else 0
        return _page(documents, count, total if total <= TOTAL_CAP else None)

    async def _run(self, stages: tuple[str, list[Stage]]) -> list[dict[str, Any]]:
        collection, pipeline = stages
        cursor = await self._database[collection].aggregate(pipeline)
        return await cursor.to_list(None)


def _sources(type_: str, id_: str | None) -> Iterator[_Source]:
    """Yield the versions of a type, or of one resource, in the order of reading: current first.

    A version that another one supersedes in between is then seen twice, never missed.
    """
    if id_ is None:
        yield _Source(type_, type_, {layout.LAST_UPDATED: {"$gte": EARLIEST}}, instant=layout.LAST_UPDATED)
        yield _Source(type_, type_, {layout.METHOD: "DELETE"})
    else:
        yield _Source(type_, type_, {layout.ID: id_})
    of_one = {} if id_ is None else {layout.HISTORY_ID: id_}
    yield _Source(type_, layout.history_collection(type_), of_one, layout.HISTORY_ID, superseded=True)


def _collections(type_: str) -> Iterator[_Source]:
    """Yield all versions of a type by where they are: to be counted they need not be told apart."""
    yield _Source(type_, type_, {})
    yield _Source(type_, layout.history_collection(type_), {}, layout.HISTORY_ID, superseded=True)


def _criteria(
    source: _Source, access: Access, since: datetime | None, at: tuple[datetime, datetime] | None
) -> list[Criterion]:
    criteria = [dict(one) for one in (source.only, access.filter) if one]
    if since is not None:
        criteria.append({source.instant: {"$gte": since}})
    if at is not None:
        criteria.append({source.instant: {"$lt": at[1]}})
        if source.superseded:
            criteria.append({layout.UNTIL: {"$gt": at[0]}})
    return criteria


def _page_stages(legs: Sequence[_Leg], *, count: int, after: HistoryCursor | None) -> tuple[str, list[Stage]]:
    """Return the collection to start from, and one pipeline that merges the newest versions of all sources.

    One more than `count` tells whether there is a next page; the double of a moment's race needs another.
    """
    limit = {"$limit": count + 2}

    def newest(source: _Source, criteria: Sequence[Criterion]) -> list[Stage]:
        wanted = [*criteria, *([_after(source, after)] if after else [])]
        order = {source.instant: -1, source.id_field: 1} | ({layout.VERSION: -1} if source.superseded else {})
        named = {_TYPE: {"$literal": source.type}, layout.HISTORY_ID: f"${source.id_field}"}
        return [_match(wanted), {"$sort": order}, limit, {"$project": SERVED | named}]

    collection, stages = _united(legs, newest)
    return collection, [*stages, {"$sort": _ORDER}, limit]


def _count_stages(legs: Sequence[_Leg]) -> tuple[str, list[Stage]]:
    limit = {"$limit": TOTAL_CAP + 1}

    def ids(_source: _Source, criteria: Sequence[Criterion]) -> list[Stage]:
        return [_match(criteria), limit, {"$project": {layout.ID: True}}]

    collection, stages = _united(legs, ids)
    return collection, [*stages, limit, {"$count": "total"}]


def _united(
    legs: Sequence[_Leg], stages: Callable[[_Source, Sequence[Criterion]], list[Stage]]
) -> tuple[str, list[Stage]]:
    """Return the collection to start from, and the stages that read all legs, one after the other."""
    (first, criteria), *others = legs
    union = [{"$unionWith": {"coll": one.collection, "pipeline": stages(one, criteria)}} for one, criteria in others]
    return first.collection, [*stages(first, criteria), *union]


def _match(criteria: Sequence[Criterion]) -> Stage:
    return {"$match": {"$and": list(criteria)} if criteria else {}}


def _after(source: _Source, cursor: HistoryCursor) -> Criterion:
    """Return the criterion for what follows the cursor in this source; the first part bounds the index scan."""
    if source.type > cursor.type:
        return {source.instant: {"$lte": cursor.updated}}
    if source.type < cursor.type:
        return {source.instant: {"$lt": cursor.updated}}
    return {
        source.instant: {"$lte": cursor.updated},
        "$or": [
            {source.instant: {"$lt": cursor.updated}},
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
