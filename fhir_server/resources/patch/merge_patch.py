"""JSON Merge Patch: a document that looks like the resource, with null for what is to go.

Spec: https://www.rfc-editor.org/rfc/rfc7396
"""

from typing import Any

from fhir_server.kernel.errors import Invalid, Issue
from fhir_server.kernel.types import Resource
from fhir_server.resources.patch.tree import copied


def merge_patch(resource: Resource, patch: object) -> Resource:
    """Return the resource with the patch merged in; arrays are replaced as a whole.

    Errors: Invalid when the patch is no JSON object (it would replace the resource by something that is none), or
            nests too deep
    """
    if not isinstance(patch, dict):
        raise Invalid(Issue("structure", "a merge patch for a resource is a JSON object"))
    try:
        return _merged(resource, patch)
    except RecursionError:
        raise Invalid(Issue("structure", "the merge patch nests too deep")) from None


def _merged(target: object, patch: dict[str, Any]) -> Resource:
    merged: Resource = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value) if isinstance(value, dict) else copied(value)
    return merged
