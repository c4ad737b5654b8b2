"""Patches as pure functions: resource and patch document in, a new resource out.

They apply the document as its own specification says; whether the result is a valid resource, and still the same one
(type and id), is for the write pipeline to judge.

Spec: https://hl7.org/fhir/R4/http.html#patch
"""

from fhir_server.resources.patch.fhirpath_patch import fhirpath_patch
from fhir_server.resources.patch.json_patch import json_patch
from fhir_server.resources.patch.merge_patch import merge_patch

__all__ = ["fhirpath_patch", "json_patch", "merge_patch"]
