"""The id and meta that a server gives to each version, without touching what the client sent.

Spec: https://hl7.org/fhir/R4/resource.html#Meta, https://hl7.org/fhir/R4/http.html#versioning
"""

from datetime import datetime, timedelta

from fhir_server.kernel.fhir_json import encode
from fhir_server.kernel.fhir_time import instant
from fhir_server.kernel.types import Resource, Version

_MILLISECOND = timedelta(milliseconds=1)


def stamp(resource: Resource, id_: str, *, version: int, updated: datetime) -> Resource:
    """Return the resource with its id, meta.versionId and meta.lastUpdated set.

    Elements keep their order; an id or meta that the client did not send follows the resourceType.
    """
    meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": instant(updated)}
    if "meta" not in resource or "id" not in resource:
        head = {"resourceType": resource["resourceType"], "id": id_}
        resource = {**head, **resource} if "meta" in resource else {**head, "meta": meta, **resource}
    return {**resource, "id": id_, "meta": meta}


def etag(version: Version) -> str:
    """Return the weak entity tag of a version: W/"3"."""
    return f'W/"{version.version}"'


def next_instant(now: datetime, replaced: Version | None) -> datetime:
    """Return when a new version is made: now in whole milliseconds, and always after the one it replaces.

    A clock that went back must not make a newer version look older.
    """
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return now if replaced is None else max(now, replaced.updated + _MILLISECOND)


def unchanged(resource: Resource, current: Version) -> bool:
    """Tell whether storing `resource` would repeat the text of `current` but for version and instant."""
    again = stamp(resource, current.id, version=current.version, updated=current.updated)
    return encode(again) == current.json
