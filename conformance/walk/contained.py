"""Contained resources: what they must not have, and that they and the references to them meet.

Spec: https://hl7.org/fhir/R4/references.html#contained (invariants dom-2 to dom-5 and ref-1)
"""

from collections import Counter
from collections.abc import Iterator

from conformance.walk.objects import JsonObject
from conformance.walk.problems import DanglingReference, Problem, error, invariant, within


def settled(container: object, found: list[Problem]) -> list[Problem]:
    """Return the problems of a resource with those of containment: what its contained resources must not have, what
    of them is never mentioned, and of the local references only those that lead nowhere."""
    if not isinstance(container, dict) or "contained" not in container:
        return found
    listed = container["contained"] if isinstance(container["contained"], list) else []
    resources = [resource if isinstance(resource, dict) else {} for resource in listed]
    ids = Counter(resource["id"] for resource in resources if isinstance(resource.get("id"), str))
    mentioned = {problem.target for problem in found if isinstance(problem, DanglingReference)}
    if not mentioned >= ids.keys():
        mentioned.update(_local_names(container))
    problems = [p for p in found if not (isinstance(p, DanglingReference) and p.target in ids)]
    for index, resource in enumerate(resources):
        if resource:
            about = [*_alone(resource), *_among(resource, ids, mentioned)]
            problems.extend(within(f".contained[{index}]", about))
    return problems


def _alone(resource: JsonObject) -> Iterator[Problem]:
    if "contained" in resource:
        yield invariant("dom-2", "a contained resource must not contain resources", ".contained")
    meta = resource.get("meta")
    if isinstance(meta, dict):
        if "versionId" in meta or "lastUpdated" in meta:
            yield invariant("dom-4", "a contained resource must not have a version or a last update", ".meta")
        if "security" in meta:
            yield invariant("dom-5", "a contained resource must not have a security label", ".meta")


def _among(resource: JsonObject, ids: Counter[str], mentioned: set[str]) -> Iterator[Problem]:
    identity = resource.get("id")
    if not isinstance(identity, str):
        yield error("required", "a contained resource must have an id", ".id")
    elif ids[identity] > 1:
        yield error("value", "another contained resource has the same id", ".id")
    elif identity not in mentioned and "" not in _local_names(resource):
        yield invariant("dom-3", "a contained resource must be referred to, or refer to the resource around it")


def _local_names(resource: JsonObject) -> set[str]:
    """The names in all texts "#name" of a resource: canonicals and uris, too, may point to what it contains."""
    names: set[str] = set()
    rest: list[JsonObject | list[object]] = [resource]
    for container in rest:  # grows as it is read
        for item in container.values() if isinstance(container, dict) else container:
            if isinstance(item, str) and item.startswith("#"):
                names.add(item[1:])
            elif isinstance(item, dict | list):
                rest.append(item)
    return names
