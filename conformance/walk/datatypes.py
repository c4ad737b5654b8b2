"""Rules of single data types that their structure cannot say: Reference, Extension, Attachment.

Spec: https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/extensibility.html,
https://hl7.org/fhir/R4/datatypes.html#attachment
"""

import re

from conformance.reference_text import reference_type
from conformance.walk.objects import Check, JsonObject
from conformance.walk.primitives import decoded_size
from conformance.walk.problems import DanglingReference, Problem, error, invariant, shown

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")


def reference_check(check: Check, targets: frozenset[str], resource_types: frozenset[str]) -> Check:
    """Return the check of a Reference that may point to `targets` (empty: to any resource type)."""
    forbidden = resource_types - targets if targets else frozenset()

    def check_reference(value: object, owner: JsonObject, depth: int) -> list[Problem] | None:
        problems = check(value, owner, depth)
        if problems or not isinstance(value, dict):
            return problems
        literal = value.get("reference", "")
        if literal[:1] == "#":
            return _local_problems(literal)
        # Most references are decided without a regular expression: "Patient/1", "urn:uuid:…". A type may also come
        # before the criteria of a conditional reference: "Patient?identifier=…".
        if forbidden and literal.partition("/")[0] not in targets and literal[:4] != "urn:":
            name = reference_type(literal) or literal.partition("?")[0]
            if name in forbidden:
                return [_not_a_target(name, ".reference")]
        return [_not_a_target(value["type"], ".type")] if "type" in value and value["type"] in forbidden else None

    return check_reference


def with_absolute_url(check: Check) -> Check:
    """Return the check of an Extension that stands outside other extensions: its url is not a relative name."""

    def check_extension(value: object, owner: JsonObject, depth: int) -> list[Problem] | None:
        problems = check(value, owner, depth)
        if problems or not isinstance(value, dict) or _ABSOLUTE.fullmatch(value.get("url", "urn:")):
            return problems
        return [error("value", "only an extension inside another one may have a relative url", ".url")]

    return check_extension


def extension_problems(extension: JsonObject) -> list[Problem] | None:
    """Return the breach of ext-1: an extension has a value or extensions of its own, never both, never neither."""
    has_extensions = "extension" in extension
    has_value = len(extension) - has_extensions - ("url" in extension) - ("id" in extension) > 0
    return None if has_extensions != has_value else [invariant("ext-1", "either extensions or value[x], not both")]


def attachment_problems(attachment: JsonObject) -> list[Problem] | None:
    """Return where the size of an attachment is not the number of bytes of its data."""
    data, size = attachment.get("data"), attachment.get("size")
    if type(data) is not str or type(size) is not int or decoded_size(data) in (None, size):
        return None
    return [error("value", "the size is not the number of bytes in data", ".size")]


def _local_problems(literal: str) -> list[Problem] | None:
    if literal == "#":  # the resource that contains this one
        return None
    text = "ref-1: the local reference does not lead to a contained resource"
    return [DanglingReference("error", "invariant", text, ".reference", literal[1:])]


def _not_a_target(name: str, place: str) -> Problem:
    return error("structure", f"a reference to {shown(name, 'that type')} is not allowed here", place)
