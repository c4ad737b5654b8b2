"""The profiles, tags and security labels of a resource: sets, which operations add to and take from.

Spec: https://hl7.org/fhir/R4/resource.html#Meta, https://hl7.org/fhir/R4/resource-operation-meta-add.html
"""

from collections.abc import Callable
from typing import Any

from fhir_server.interactions import binary
from fhir_server.interactions.change import Replacement, in_turn
from fhir_server.interactions.env import Env
from fhir_server.interactions.read import existing
from fhir_server.interactions.update import replace
from fhir_server.kernel.call import Call, Result
from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.fhir_json import decode_stored, encode
from fhir_server.kernel.query import Access
from fhir_server.kernel.types import Resource, Version
from fhir_server.operations.parameters import Arguments

Change = Callable[[Resource, Resource], Resource]
"""Takes the meta of a resource and the meta that a caller passes, gives the new meta."""

_SETS = ("profile", "security", "tag")


def added(meta: Resource, more: Resource) -> Resource:
    """Return the meta with those labels of `more` that it has not yet; its other elements stay as they are."""
    return {**meta, **{name: _union(meta.get(name, []), more[name]) for name in _SETS if more.get(name)}}


def removed(meta: Resource, less: Resource) -> Resource:
    """Return the meta without the labels of `less`; those that it never had do not matter."""
    gone = {name: {_identity(label) for label in less.get(name, [])} for name in _SETS}
    kept = {name: [one for one in meta[name] if _identity(one) not in gone[name]] for name in _SETS if name in meta}
    return {name: value for name, value in {**meta, **kept}.items() if value != []}


async def relabel(env: Env, call: Call, access: Access, passed: Arguments, change: Change) -> Result:
    """Return the new meta of a resource whose labels are changed by those that are passed.

    The labels make a new version, written as every other: text, native copy, index and history stay one. As with
    updates, labels that change nothing make none.

    Errors: Invalid without `meta`, NotFound or Gone for the resource, PreconditionFailed for a stale If-Match
    """
    labels = passed.element("meta", "Meta")
    if labels is None:
        raise Invalid(Issue("required", "meta: the labels are missing", expression="meta"))

    async def attempt() -> Result:
        current = existing(await env.storage.reader.read(call.type, call.id, access), f"{call.type}/{call.id}")
        text = current.json if current.blob is None else await binary.restore(env.storage.blobs, current)
        resource: Resource = decode_stored(text)
        resource = {**resource, "meta": change(resource["meta"], labels)}
        env.pipeline.check(resource)
        stored = await replace(env, call, access, Replacement(resource, call.id, "PATCH", env.clock(), current))
        assert stored.version is not None
        return meta_result(meta_of(stored.version), stored.version)

    return await in_turn(env, [f"{call.type}/{call.id}"], attempt)


def meta_of(version: Version) -> Resource:
    """Return the meta of a version, which every stored one has."""
    resource: Resource = decode_stored(version.json)
    meta: Resource = resource["meta"]
    return meta


def meta_result(meta: Resource, version: Version | None = None) -> Result:
    """Return the answer that hands out a meta; that of a version also has its headers."""
    # An empty object is not valid FHIR: where no label is in use, no meta is returned.
    returned = {"parameter": [{"name": "return", "valueMeta": meta}]} if meta else {}
    return Result(200, body=encode({"resourceType": "Parameters", **returned}), version=version)


def _union(labels: list[Any], more: list[Any]) -> list[Any]:
    known = {_identity(label) for label in labels}
    fresh = {identity: label for label in more if (identity := _identity(label)) not in known}
    return [*labels, *fresh.values()]


def _identity(label: Any) -> object:
    """Return what makes a label the same as another: a profile is its URL, a tag its system and code."""
    if not isinstance(label, dict):
        return label
    system, code = label.get("system"), label.get("code")
    return (system, code) if code is not None else encode(label)
