"""Does the database agree with itself? Native copy = served text, versions gapless, indexes and content present.

Spec: https://hl7.org/fhir/R4/http.html#versioning, https://hl7.org/fhir/R4/resource.html#Meta
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.database import AsyncDatabase

from fhir_server.kernel import layout
from fhir_server.kernel.errors import FhirError
from fhir_server.kernel.fhir_json import decode
from fhir_server.kernel.types import Resource, Version
from fhir_server.storage import document, translate
from fhir_server.storage.blobs import Blobs
from fhir_server.storage.expunge import expunged
from fhir_server.storage.schema import Schema

Database: TypeAlias = AsyncDatabase[dict[str, Any]]
Stored: TypeAlias = Mapping[str, Any]

# Embedded documents stay raw, so that the native copy is compared byte for byte.
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument, tz_aware=True)
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction; `place` is "Type/id", "Type/id/_history/n" or "collection.index"."""

    place: str
    problem: str


async def run(database: Database, schema: Schema, blobs: Blobs, *, native_copy: bool) -> AsyncIterator[Finding]:
    """Yield all findings, type by type; memory stays small whatever the size of the database.

    `native_copy` says that every current version must have one.
    A write that happens meanwhile may look like a gap: run it on a quiet database.
    """
    for type_ in await schema.stored_types():
        with translate.errors():
            for name in await schema.missing_indexes(type_):
                yield Finding(name, "the index is missing or has other keys")
            async for finding in _current(database, blobs, type_, native_copy):
                yield finding
            async for finding in _superseded(database, blobs, type_):
                yield finding


async def _current(database: Database, blobs: Blobs, type_: str, native_copy: bool) -> AsyncIterator[Finding]:
    """Yield what is wrong with the current versions, and with the chain of versions behind each."""
    async for documents in _chunks(database, type_):
        versions = [document.version_of(type_, one[layout.ID], one) for one in documents]
        ids = [version.id for version in versions]
        chains, gone = await _chains(database, type_, ids), await expunged(database, type_, ids)
        for version, stored in zip(versions, documents, strict=True):
            copied = version.deleted or not native_copy or layout.RESOURCE in stored
            missing = [] if copied else ["the native copy is missing"]
            chain = _chain(version, chains.get(version.id, []), gone.get(version.id, frozenset()))
            for problem in [*_content(version, stored), *missing, *chain]:
                yield Finding(version.reference, problem)
        async for finding in _blobs(blobs, versions):
            yield finding


async def _superseded(database: Database, blobs: Blobs, type_: str) -> AsyncIterator[Finding]:
    """Yield what is wrong with the content of superseded versions, and those that no current version follows."""
    name = layout.history_collection(type_)
    async for documents in _chunks(database, name):
        versions = [document.version_of(type_, one[layout.HISTORY_ID], one) for one in documents]
        for version, stored in zip(versions, documents, strict=True):
            for problem in _content(version, stored):
                yield Finding(_place(version), problem)
        async for finding in _blobs(blobs, versions):
            yield finding
    pipeline: list[dict[str, Any]] = [
        {"$group": {"_id": f"${layout.HISTORY_ID}"}},
        {"$lookup": {"from": type_, "localField": "_id", "foreignField": layout.ID, "as": "current"}},
        {"$match": {"current": []}},
        {"$project": {"_id": True}},
    ]
    async for orphan in await database[name].aggregate(pipeline, allowDiskUse=True):
        yield Finding(f"{type_}/{orphan['_id']}", "superseded versions are stored, but no current one")


async def _chunks(database: Database, name: str) -> AsyncIterator[list[Stored]]:
    """Yield the documents of a collection in the order of ids, some at a time."""
    collection = database.get_collection(name, codec_options=_RAW)
    chunk: list[Stored] = []
    async for stored in collection.find({}, {layout.INDEX: False}).sort(layout.ID, 1):
        chunk.append(stored)
        if len(chunk) == _AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _chains(database: Database, type_: str, ids: list[str]) -> dict[str, list[Stored]]:
    """Return the superseded versions of each resource, oldest first, without their content."""
    fields = (layout.HISTORY_ID, layout.VERSION, layout.UPDATED, layout.UNTIL)
    history = database.get_collection(layout.history_collection(type_), codec_options=document.READING)
    cursor = history.find({layout.HISTORY_ID: {"$in": ids}}, dict.fromkeys(fields, True))
    chains: dict[str, list[Stored]] = {}
    async for stored in cursor.sort([(layout.HISTORY_ID, 1), (layout.VERSION, 1)]):
        chains.setdefault(stored[layout.HISTORY_ID], []).append(stored)
    return chains


def _chain(current: Version, chain: list[Stored], gone: frozenset[int]) -> Iterator[str]:
    """Yield what breaks the sequence 1, 2, … current, each version current until the next one; `gone` may lack."""
    numbers = [stored[layout.VERSION] for stored in chain]
    if absent := sorted(set(range(1, current.version)) - set(numbers) - gone):
        yield f"version {current.version} is current, but history lacks {_some(absent)}"
        return
    if not set(numbers) <= set(range(1, current.version)):
        yield "history has versions that are not older than the current one"
        return
    later = [(stored[layout.VERSION], stored[layout.UPDATED]) for stored in chain[1:]]
    followers = [*later, (current.version, current.updated)]
    for stored, (follower, updated) in zip(chain, followers, strict=False):  # an empty chain has no version to end
        number = stored[layout.VERSION]
        if follower == number + 1 and stored[layout.UNTIL] != updated:
            yield f"version {number} does not end when the next one begins"
        if stored[layout.UPDATED] >= updated:
            yield f"version {number} is not older than the next one"


def _content(version: Version, stored: Stored) -> Iterator[str]:
    """Yield what is wrong with one stored version taken by itself."""
    if version.deleted:
        if any(name in stored for name in (layout.JSON, layout.RESOURCE, layout.INDEX)):
            yield "the version is a deletion, but has content"
        return
    try:
        resource = decode(version.json)
    except FhirError:
        yield "the served text is not JSON"
        return
    yield from _identity(version, resource)
    native = stored.get(layout.RESOURCE)
    if native is not None and native.raw != document.native(resource):
        yield "the native copy differs from the served text"


def _identity(version: Version, resource: Resource) -> Iterator[str]:
    meta = resource.get("meta", {})
    found = (resource.get("resourceType"), resource.get("id"), meta.get("versionId"))
    if found != (version.type, version.id, str(version.version)):
        yield "the served text names another type, id or version"
    elif datetime.fromisoformat(meta["lastUpdated"]) != version.updated:
        yield "the served text names another instant (meta.lastUpdated)"


async def _blobs(blobs: Blobs, versions: list[Version]) -> AsyncIterator[Finding]:
    for version in versions:
        if version.blob is not None and not await blobs.has(version.blob):
            yield Finding(_place(version), "its content is missing in GridFS")


def _place(version: Version) -> str:
    return f"{version.reference}/_history/{version.version}"


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")
