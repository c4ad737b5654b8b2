"""Searches of many clients for what is known to be little share one find: a record's Observations, an Encounter's.

The find has neither order nor page: what it brings is dealt out, sorted and cut in process.
Measured on one core: 0.08 ms a search where each alone costs 0.3. A search leaves alone when nobody else is waiting,
or when searches like it bring more than the page that is wanted.

Spec: https://hl7.org/fhir/R4/http.html#search
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, TypeAlias

from bson.codec_options import CodecOptions
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel.equalities import Equalities, equalities
from fhir_server.kernel.errors import FhirError, Unavailable
from fhir_server.storage import translate
from fhir_server.storage.coalesce import Coalescer, Limits
from fhir_server.storage.find.dealing import Found, Item, Wanted, condition, dealt, projection, told_apart
from fhir_server.storage.find.order import Hit

MOST_TOGETHER = 64
MOST_EACH = 64
"""Documents that one find brings, for each search in it; when it brings as many, each search is done alone."""

_WORTH = 2
"""How many times the page that is wanted searches of one form may bring on average, and still go together."""

_MEMORY = 1 / 16
"""Part of one search in the average."""

_PATIENCE_S = 0.05
"""How long searches wait for the find that is on its way: when it takes longer, those that come leave alone."""

_FORMS = 1_000
"""Forms of search whose averages are kept: clients may make up any number of them."""

_DEALT: CodecOptions[dict[str, Any]] = CodecOptions()
"""Times come without zone: for the driver to add it costs as much as all other decoding."""

_Form: TypeAlias = tuple[str, ...]
"""Type and fields: searches of one form bring about as much."""


def found_alone(hits: list[Hit], limit: int) -> Found:
    """Return what a find for `limit` hits has found: all that there are when they are fewer."""
    return Found(hits, len(hits) if len(hits) < limit else None)


class Together:
    """Answers searches by way of shared finds, as `alone` would answer each."""

    def __init__(
        self,
        database: AsyncDatabase[dict[str, Any]],
        alone: Callable[[Wanted], Awaitable[Found]],
        *,
        time_limit_ms: int,
    ) -> None:
        self._database = database.with_options(codec_options=_DEALT)
        self._alone = alone
        self._time_limit_ms = time_limit_ms
        self._usual: dict[_Form, float] = {}
        self._batches: dict[str, Coalescer[Item, Found]] = {}
        self._left_at: dict[str, float] = {}

    async def hits(self, wanted: Wanted) -> Found:
        """Return the first hits: all that there are where the find was shared.

        Errors: those of `alone`
        """
        equal = _shared(wanted)
        if equal is None:
            return await self._alone(wanted)
        form = (wanted.type, *equal.form)
        if self._usual.get(form, 0.0) > min(_WORTH * wanted.limit, MOST_EACH) or self._is_slow(wanted.type):
            found = await self._alone(wanted)
        else:
            batches = self._batches.get(wanted.type) or self._batches_of(wanted.type)
            found = await batches.ask(Item(wanted, equal))
        if len(self._usual) >= _FORMS:
            self._usual.clear()
        usual = self._usual.get(form, 0.0)
        # What was cut off may be any number: enough of those, and searches of this form go alone.
        seen = 2 * _WORTH * wanted.limit if found.total is None else found.total
        self._usual[form] = usual + (seen - usual) * _MEMORY
        return found

    def _is_slow(self, type_: str) -> bool:
        left_at = self._left_at.get(type_)
        return left_at is not None and perf_counter() - left_at > _PATIENCE_S

    def _batches_of(self, type_: str) -> Coalescer[Item, Found]:
        async def run(items: Sequence[Item]) -> Sequence[Found | Exception]:
            self._left_at[type_] = perf_counter()
            try:
                if len(items) > 1 and (found := await self._shared(type_, items, apart=told_apart(items))) is not None:
                    return found
                return await asyncio.gather(*(self._each(wanted) for wanted, _ in items))
            finally:
                del self._left_at[type_]

        # One at a time: with two, each had half as many searches in it and cost as much.
        self._batches[type_] = batches = Coalescer(run, Limits(items=MOST_TOGETHER, parallel=1, waits=True))
        return batches

    async def _each(self, wanted: Wanted) -> Found | Exception:
        try:
            return await self._alone(wanted)
        except FhirError as error:
            return error

    async def _shared(self, type_: str, items: Sequence[Item], *, apart: bool) -> Sequence[Found] | None:
        """Return what each finds, by one find; None when each is to be done alone."""
        documents = await self._documents(type_, items, apart=apart)
        if documents is None:
            return None
        found = dealt(items, documents, apart=apart)
        return found if found is not None else await self._shared(type_, items, apart=True)

    async def _documents(self, type_: str, items: Sequence[Item], *, apart: bool) -> list[dict[str, Any]] | None:
        """Return what all searches together find; None when that is too much, or takes too long."""
        limit = MOST_EACH * len(items)
        try:
            with translate.errors():
                found = self._database[type_].find(
                    condition(items),
                    projection(items, apart=apart),
                    limit=limit,
                    batch_size=limit + 1,
                    max_time_ms=self._time_limit_ms,
                )
                documents = await found.to_list(limit)
        except Unavailable:
            raise
        except FhirError:  # whose search it was shows when each is done alone
            return None
        return documents if len(documents) < limit else None


def _shared(wanted: Wanted) -> Equalities | None:
    """Return what a search asks for when it may share a find: a first page of what refers to a record."""
    query = wanted.query
    if query.position is not None or len(query.keys) > 1 or (query.keys and not query.keys[0].single):
        return None
    return query.equalities or equalities(wanted.filter, besides=wanted.access.filter)
