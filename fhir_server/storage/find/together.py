"""Searches of many clients for what is known to be little share one find: a record's Observations, an Encounter's.

The find has a branch for each search and neither order nor page: what it brings is dealt out, sorted and cut here.
Measured on one core: 0.12 ms a search where each alone costs 0.3. A search leaves alone when nobody else is waiting,
or when searches like it bring more than the page that is wanted.

Spec: https://hl7.org/fhir/R4/http.html#search
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from bson.codec_options import CodecOptions
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel.errors import FhirError, Unavailable
from fhir_server.kernel.layout import ID, INDEX, UPDATED
from fhir_server.kernel.query import Access, Filter, Query
from fhir_server.kernel.types import Version
from fhir_server.storage import translate
from fhir_server.storage.coalesce import Coalescer, Limits
from fhir_server.storage.document import SERVED, version_of
from fhir_server.storage.find.order import Hit

MOST_TOGETHER = 32
MOST_EACH = 64
"""Documents that one find brings, for each search in it; when it brings as many, each search is done alone."""

_WORTH = 2
"""How many times the page that is wanted searches of one form may bring on average, and still go together."""

_MEMORY = 1 / 16
"""Part of one search in the average."""

_FORMS = 1_000
"""Forms of search whose averages are kept: clients may make up any number of them."""

_FEW_LINKS = 8
"""Spellings of links to a record that one search may ask for, as to one or two of them."""

_RECORD = re.compile(r"(?:.*/)?(?:Patient|Encounter)/[^/]+", re.DOTALL)
"""A link to what has a bounded number of resources that refer to it."""

_DEALT: CodecOptions[dict[str, Any]] = CodecOptions()
"""Times come without zone: for the driver to add it costs as much as all other decoding."""

_CURATED = re.compile(rf"{INDEX}\.[^.]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The first hits of a query: `limit` of them, of one type, under a filter that has the access rule in it."""

    type: str
    filter: Filter
    query: Query
    access: Access
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """The first hits in order, and how many there are in all; None where that is not known."""

    hits: list[Hit]
    total: int | None


def found_alone(hits: list[Hit], limit: int) -> Found:
    """Return what a find for `limit` hits has found: all that there are when they are fewer."""
    return Found(hits, len(hits) if len(hits) < limit else None)


_Form: TypeAlias = tuple[str, ...]
"""Type and fields: searches of one form bring about as much."""


@dataclass(frozen=True, slots=True)
class _Equalities:
    """What a search asks for, where it asks for nothing but values: all of some (path, values).

    Shape: the first one is a link to a record
    """

    pairs: tuple[tuple[str, frozenset[str]], ...]


_Item: TypeAlias = tuple[Wanted, _Equalities]


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
        self._batches: dict[str, Coalescer[_Item, Found]] = {}

    async def hits(self, wanted: Wanted) -> Found:
        """Return the first hits: all that there are where the find was shared.

        Errors: those of `alone`
        """
        equalities = _equalities(wanted)
        if equalities is None:
            return await self._alone(wanted)
        form = _form(wanted, equalities)
        if self._usual.get(form, 0.0) > min(_WORTH * wanted.limit, MOST_EACH):
            found = await self._alone(wanted)
        else:
            batches = self._batches.get(wanted.type) or self._batches_of(wanted.type)
            found = await batches.ask((wanted, equalities))
        if len(self._usual) >= _FORMS:
            self._usual.clear()
        usual = self._usual.get(form, 0.0)
        # What was cut off may be any number: enough of those, and searches of this form go alone.
        seen = 2 * _WORTH * wanted.limit if found.total is None else found.total
        self._usual[form] = usual + (seen - usual) * _MEMORY
        return found

    def _batches_of(self, type_: str) -> Coalescer[_Item, Found]:
        async def run(items: Sequence[_Item]) -> Sequence[Found | Exception]:
            if len(items) > 1 and (documents := await self._shared(type_, items)) is not None:
                return _dealt(type_, items, documents)
            return await asyncio.gather(*(self._each(wanted) for wanted, _ in items))

        self._batches[type_] = batches = Coalescer(run, Limits(items=MOST_TOGETHER, parallel=2))
        return batches

    async def _each(self, wanted: Wanted) -> Found | Exception:
        try:
            return await self._alone(wanted)
        except FhirError as error:
            return error

    async def _shared(self, type_: str, items: Sequence[_Item]) -> list[dict[str, Any]] | None:
        """Return what all searches together find; None when that is too much, or takes too long."""
        paths = {path for _, equalities in items for path, _ in equalities.pairs}
        keys = {key.path for wanted, _ in items for key in wanted.query.keys}
        limit = MOST_EACH * len(items)
        try:
            with translate.errors():
                found = self._database[type_].find(
                    {"$or": [wanted.filter for wanted, _ in items]},
                    {**SERVED, **dict.fromkeys(sorted(paths | keys), True)},
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


def _equalities(wanted: Wanted) -> _Equalities | None:
    """Return what a search asks for when it may share a find: a first page of what refers to a record."""
    keys = wanted.query.keys
    if wanted.query.position is not None or len(keys) > 1 or any(not key.single for key in keys):
        return None
    pairs: list[tuple[str, frozenset[str]]] = []
    bounded = False
    for path, condition in _conditions(wanted.filter, wanted.access):
        values = _values(condition)
        if values is None or path.startswith("$"):
            return None
        few = len(values) <= _FEW_LINKS and _CURATED.fullmatch(path) is not None
        refers = few and all(map(_RECORD.fullmatch, values))
        pairs.insert(0 if refers else len(pairs), (path, values))
        bounded = bounded or refers
    return _Equalities(tuple(pairs)) if bounded else None


def _conditions(filter_: Filter, access: Access) -> list[tuple[str, Any]]:
    """Return the conditions of a filter besides the access rule, which is decided in process."""
    found: list[tuple[str, Any]] = []
    for name, value in filter_.items():
        if name == "$and":
            found += [one for part in value if part is not access.filter for one in _conditions(part, access)]
        else:
            found.append((name, value))
    return found


def _values(condition: Any) -> frozenset[str] | None:
    match condition:
        case str():
            return frozenset((condition,))
        case {"$in": list(values)} if len(condition) == 1 and all(isinstance(value, str) for value in values):
            return frozenset(values)
    return None


def _form(wanted: Wanted, equalities: _Equalities) -> _Form:
    return (wanted.type, *(path for path, _ in equalities.pairs))


def _dealt(type_: str, items: Sequence[_Item], documents: Sequence[dict[str, Any]]) -> list[Found | Exception]:
    """Return to each search what it would have found alone, and how much of it there is."""
    asking: dict[str, dict[str, list[int]]] = {}
    for number, (_, equalities) in enumerate(items):
        path, values = equalities.pairs[0]
        by_value = asking.setdefault(path, {})
        for value in values:
            by_value.setdefault(value, []).append(number)
    links = [(_reader(path), by_value) for path, by_value in asking.items()]
    others = [[(_reader(path), values) for path, values in equalities.pairs[1:]] for _, equalities in items]
    mine: list[list[_Dealt]] = [[] for _ in items]
    for document in documents:
        document[UPDATED] = document[UPDATED].replace(tzinfo=UTC)
        dealt = _Dealt(document[ID], version_of(type_, document[ID], document), document)
        for read, by_value in links:
            for number in {one for text in _texts(read(document)) for one in by_value.get(text, ())}:
                if all(not values.isdisjoint(_texts(find(document))) for find, values in others[number]):
                    mine[number].append(dealt)
    return [_first(wanted, found) for (wanted, _), found in zip(items, mine, strict=True)]


class _Dealt(NamedTuple):
    id: str
    version: Version
    document: Mapping[str, Any]


def _first(wanted: Wanted, found: Sequence[_Dealt]) -> Found:
    """Return the first hits in the order of a query with one key at most; those without its value come last."""
    query, limit = wanted.query, wanted.limit
    seen = [one for one in found if wanted.access.allows(one.version.compartments, one.version.security)]
    seen.sort(key=itemgetter(0), reverse=query.ids_descend)
    if not query.keys:
        return Found([Hit(one.version, ()) for one in seen[:limit]], len(seen))
    (key,) = query.keys
    read = _reader(key.path)
    values = [(read(one.document), one.version) for one in seen]
    present = sorted((one for one in values if one[0] is not None), key=itemgetter(0), reverse=key.descending)
    absent = (one for one in values if one[0] is None)
    return Found([Hit(version, (_in_utc(value),)) for value, version in [*present, *absent][:limit]], len(seen))


def _in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _reader(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return what reads the value of a document at "index.date.low"; single values alone lie below others."""
    names = path.split(".")

    def read(document: Mapping[str, Any]) -> Any:
        found: Any = document
        for name in names:
            if found is None:
                return None
            found = found.get(name)
        return found

    return read


def _texts(value: Any) -> Sequence[str]:
    return (value,) if type(value) is str else value or ()
