"""Binary with large content: the data stands in GridFS, the document keeps the rest.

Spec: https://hl7.org/fhir/R4/binary.html
"""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.types import Match, Resource, Shown, Version
from fhir_server.storage import Blobs

INLINE_CHARACTERS = 256 * 1024
"""Base64 text up to this size stays in the document: one round trip, and far from MongoDB's 16 MB."""


async def offload(blobs: Blobs, resource: Resource) -> tuple[Resource, str | None]:
    """Return the resource with large data cut out, and the GridFS key of that data (None: all stands inline)."""
    data = resource.get("data")
    if resource["resourceType"] != "Binary" or not isinstance(data, str) or len(data) <= INLINE_CHARACTERS:
        return resource, None
    return {**resource, "data": ""}, await blobs.put(data.encode("ascii"))


async def restore(blobs: Blobs, version: Shown) -> bytes:
    """Return the text of a Binary with its data back in its place."""
    assert version.blob is not None
    resource = decode_stored(version.json)
    data = await blobs.get(version.blob)
    return encode({**resource, "data": data.decode("ascii")})


async def restore_all(blobs: Blobs, versions: list[Version]) -> list[Version]:
    """Return the versions with the text of every offloaded Binary restored."""
    if all(version.blob is None for version in versions):
        return versions
    return [
        version if version.blob is None else replace(version, json=await restore(blobs, version), blob=None)
        for version in versions
    ]


async def restore_matches(blobs: Blobs, matches: Sequence[Match]) -> Sequence[Match]:
    """Return what a search found with the text of every offloaded Binary restored."""
    if not [match for match in matches if match.blob is not None]:
        return matches
    return [
        match if match.blob is None else Match(match.type, match.id, await restore(blobs, match)) for match in matches
    ]
