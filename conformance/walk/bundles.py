"""Rules of Bundle: which parts belong to which kind of bundle, and full URLs.

Spec: https://hl7.org/fhir/R4/bundle.html#invs (invariants bdl-1 to bdl-12)
"""

from collections.abc import Iterator

from conformance.walk.objects import JsonObject
from conformance.walk.problems import Problem, error, invariant, within

_WITH_TOTAL = {"searchset", "history"}
_WITH_REQUEST = {"batch", "transaction", "history"}
_WITH_RESPONSE = {"batch-response", "transaction-response", "history"}
_FIRST_RESOURCE = {"document": ("bdl-11", "Composition"), "message": ("bdl-12", "MessageHeader")}


def bundle_problems(bundle: JsonObject) -> list[Problem]:
    """Return the breaches of the invariants of a bundle and its entries; parts of a wrong JSON type are passed over."""
    kind = bundle.get("type")
    if not isinstance(kind, str):
        return []
    listed = bundle.get("entry")
    entries = [e if isinstance(e, dict) else {} for e in listed] if isinstance(listed, list) else []
    problems = [*_whole(bundle, kind), *_first(entries, kind)]
    for index, entry in enumerate(entries):
        problems.extend(within(f".entry[{index}]", [*_parts(entry, kind), *_full_url(entry)]))
    return problems if kind == "history" else [*problems, *_repeated_urls(entries)]


def _whole(bundle: JsonObject, kind: str) -> Iterator[Problem]:
    if "total" in bundle and kind not in _WITH_TOTAL:
        yield invariant("bdl-1", "only a search set or a history has a total", ".total")
    if kind != "document":
        return
    identifier = bundle.get("identifier")
    if not isinstance(identifier, dict) or not {"system", "value"} <= identifier.keys():
        yield invariant("bdl-9", "a document has an identifier with a system and a value", ".identifier")
    if "timestamp" not in bundle:
        yield invariant("bdl-10", "a document has a timestamp", ".timestamp")


def _first(entries: list[JsonObject], kind: str) -> Iterator[Problem]:
    if kind not in _FIRST_RESOURCE:
        return
    key, expected = _FIRST_RESOURCE[kind]
    resource = entries[0].get("resource") if entries else None
    if not isinstance(resource, dict) or resource.get("resourceType") != expected:
        yield invariant(key, f"the first resource of a {kind} is a {expected}", ".entry[0].resource")


def _parts(entry: JsonObject, kind: str) -> Iterator[Problem]:
    if "search" in entry and kind != "searchset":
        yield invariant("bdl-2", "only the entries of a search set have search", ".search")
    for key, part, kinds in (("bdl-3", "request", _WITH_REQUEST), ("bdl-4", "response", _WITH_RESPONSE)):
        if (part in entry) != (kind in kinds):
            rule = "must have" if kind in kinds else "must not have"
            yield invariant(key, f"an entry of this type of bundle {rule} a {part}", f".{part}")
    if entry and entry.keys().isdisjoint({"resource", "request", "response"}):
        yield invariant("bdl-5", "an entry has a resource, a request or a response")


def _full_url(entry: JsonObject) -> Iterator[Problem]:
    url, resource = entry.get("fullUrl"), entry.get("resource")
    if not isinstance(url, str):
        return
    if "/_history/" in url:
        yield invariant("bdl-8", "a full URL is not specific to a version", ".fullUrl")
    elif isinstance(resource, dict) and url.startswith(("http://", "https://")):
        name, _, identity = url.rpartition("/")
        is_restful = name.endswith(f"/{resource.get('resourceType')}")
        if is_restful and isinstance(resource.get("id"), str) and identity != resource["id"]:
            yield error("value", "the full URL does not agree with the id of the resource", ".fullUrl")


def _repeated_urls(entries: list[JsonObject]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(entries):
        url = entry.get("fullUrl")
        if not isinstance(url, str):
            continue
        if (url, _version(entry)) in seen:
            text = "a full URL is unique in a bundle, but for versions of one resource"
            yield invariant("bdl-7", text, f".entry[{index}].fullUrl")
        seen.add((url, _version(entry)))


def _version(entry: JsonObject) -> str:
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""
