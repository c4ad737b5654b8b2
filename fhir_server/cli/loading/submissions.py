"""Files → what the loader sends: each submission is one POST of a batch or transaction Bundle to the base URL.

transaction, batch   sent as they are
collection           a transaction, so that references between its entries are resolved
searchset            batches: its references are literal already
NDJSON, resources    batches; an entry with an id is a PUT, so that loading twice changes nothing
Other Bundles (document, message, history) are resources like any other.
Spec: https://hl7.org/fhir/R4/http.html#transaction, https://hl7.org/fhir/R4/bundle.html, http://ndjson.org/
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal, cast, get_args

import msgspec

_SUFFIXES = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
_BATCH = 200
_FIRST = ("hospitalinformation", "practitionerinformation")
"""Synthea's names for the files to which all others refer by conditional references."""


BundleType = Literal["transaction", "batch", "collection", "searchset"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an entry stands ("a.ndjson:12"), its resource type ("" for a GET or DELETE) and its resource's text."""

    place: str
    type: str
    resource: bytes | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One Bundle to post; `entries` are in the order of its entries."""

    kind: BundleType
    body: bytes
    entries: Sequence[Entry]


class Unreadable(Exception):
    """A file, or a line of one, that cannot be sent; the text says where and why."""


class _Request(msgspec.Struct):
    method: str
    url: str


class _BundleEntry(msgspec.Struct, omit_defaults=True):
    fullUrl: str | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - FHIR's own name
    resource: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    request: _Request | msgspec.UnsetType = msgspec.UNSET


class _Bundle(msgspec.Struct):
    type: BundleType
    entry: list[_BundleEntry] = []
    resourceType: str = "Bundle"  # noqa: N815 - FHIR's own name


class _Head(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - FHIR's own name
    id: str | None = None
    type: msgspec.Raw = msgspec.Raw()


def files(paths: Iterable[Path]) -> list[Path]:
    """Return the files to load, those to which others refer first, else by name.

    Errors: Unreadable when a path does not exist or a folder holds nothing to load
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(file for file in path.rglob("*") if file.name.endswith(_SUFFIXES)) if path.is_dir() else [path]
        if not inside or not path.exists():
            raise Unreadable(f"{path}: " + ("no .json, .ndjson or .gz file in it" if path.is_dir() else "no such file"))
        found += inside
    return sorted(found, key=lambda file: not is_referenced_by_others(file))


def is_referenced_by_others(path: Path) -> bool:
    """Return whether a file should be stored before the others are sent."""
    return path.name.lower().startswith(_FIRST)


def submissions(path: Path) -> Iterator[Submission | Unreadable]:
    """Return what to send for one file; what cannot be read is an `Unreadable` among them."""
    is_lines = ".ndjson" in path.name
    try:
        with _open(path) as stream:
            yield from _of_lines(path, stream) if is_lines else _of_document(path, stream.read())
    except (OSError, EOFError, zlib.error) as error:
        yield Unreadable(f"{path}: cannot be read: {error}")


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _of_document(path: Path, text: bytes) -> Iterator[Submission | Unreadable]:
    try:
        head = msgspec.json.decode(text, type=_Head)
        if head.resourceType != "Bundle" or _bundle_type(head) not in get_args(BundleType):
            yield from _batches([_written(Entry(str(path), head.resourceType, text), head.id)])
            return
        yield from _of_bundle(path, text, msgspec.json.decode(text, type=_Bundle))
    except msgspec.MsgspecError as error:
        yield Unreadable(f"{path}: not a FHIR resource in JSON: {error}")


def _bundle_type(head: _Head) -> object:
    return msgspec.json.decode(head.type) if head.type else None


def _of_bundle(path: Path, text: bytes, bundle: _Bundle) -> Iterator[Submission]:
    heads = [_head(entry) for entry in bundle.entry]
    entries = [
        Entry(f"{path}#entry[{position}]", head.resourceType, bytes(entry.resource) if entry.resource else None)
        for position, (head, entry) in enumerate(zip(heads, bundle.entry, strict=True))
    ]
    if bundle.type in ("transaction", "batch"):
        yield Submission(bundle.type, text, entries)
        return
    written = [
        (entry, msgspec.structs.replace(source, request=_request(head)))
        for entry, head, source in zip(entries, heads, bundle.entry, strict=True)
        if entry.resource and head.resourceType != "OperationOutcome"
    ]
    if bundle.type == "collection":
        yield _submission("transaction", written)
    else:
        yield from _batches(written)


def _of_lines(path: Path, stream: BinaryIO) -> Iterator[Submission | Unreadable]:
    lines = ((f"{path}:{number}", line) for number, line in enumerate(stream, 1) if line.strip())
    while part := list(islice(lines, _BATCH)):
        good: list[tuple[Entry, _BundleEntry]] = []
        for place, line in part:
            try:
                head = msgspec.json.decode(line, type=_Head)
            except msgspec.MsgspecError as error:
                yield Unreadable(f"{place}: not a FHIR resource in JSON: {error}")
            else:
                good.append(_written(Entry(place, head.resourceType, line.strip()), head.id))
        yield from _batches(good)


def _written(entry: Entry, id_: str | None) -> tuple[Entry, _BundleEntry]:
    resource = msgspec.Raw(entry.resource or b"")
    return entry, _BundleEntry(resource=resource, request=_request(_Head(entry.type, id_)))


def _request(head: _Head) -> _Request:
    return _Request("PUT", f"{head.resourceType}/{head.id}") if head.id else _Request("POST", head.resourceType)


def _head(entry: _BundleEntry) -> _Head:
    return msgspec.json.decode(entry.resource, type=_Head) if entry.resource else _Head()


def _batches(written: Sequence[tuple[Entry, _BundleEntry]]) -> Iterator[Submission]:
    for start in range(0, len(written), _BATCH):
        yield _submission("batch", written[start : start + _BATCH])


def _submission(kind: Literal["transaction", "batch"], written: Sequence[tuple[Entry, _BundleEntry]]) -> Submission:
    body = msgspec.json.encode(_Bundle(kind, [entry for _, entry in written]))
    return Submission(kind, body, [entry for entry, _ in written])
