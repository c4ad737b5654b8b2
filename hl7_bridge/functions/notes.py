"""NTE: comments on what they follow.

Spec: https://hl7.org/fhir/R4/datatypes.html#annotation
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import people
from hl7_bridge.er7 import Segment
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function, moment
from hl7_bridge.mapping.scope import Scope

REPORT_NOTE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DiagnosticReport.note"
"""R5's DiagnosticReport.note, as R4 writes an element of a later version."""
NOTE = "http://hl7.org/fhir/StructureDefinition/note"


def annotation(segment: Segment, context: Context) -> dict[str, Any] | None:
    """Return the Annotation of an NTE: its lines, author (NTE-5) and time (NTE-6, NTE-7)."""
    text = "\n".join(field.text for field in segment.repetitions(3) if not field.is_null).strip()
    if not text:
        return None
    found: dict[str, Any] = {}
    if author := people.practitioner(segment.field(5), context, None):
        found["authorReference"] = author
    if written := moment(segment, 6, context) or moment(segment, 7, context):
        found["time"] = written
    return {**found, "text": text}


def note(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Add the comment to `note`."""
    if found := annotation(segment, context):
        draft.resource["note"] = [*draft.resource.get("note", ()), found]


def report_note(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Add the comment to a report, which has no element for it in R4."""
    if found := annotation(segment, context):
        extension = {"url": REPORT_NOTE, "valueAnnotation": found}
        draft.resource["extension"] = [*draft.resource.get("extension", ()), extension]


def person_note(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Add the comment to a person, whose resource has no element for it: FHIR's extension for notes holds it."""
    if found := annotation(segment, context):
        extension = {"url": NOTE, "valueAnnotation": found}
        draft.resource["extension"] = [*draft.resource.get("extension", ()), extension]


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "note": Function(note, (3, 2, 4, 5, 6, 7), "note"),
        "person_note": Function(person_note, (3, 2, 4, 5, 6, 7), "extension (note)"),
        "report_note": Function(report_note, (3, 2, 4, 5, 6, 7), "extension (note)"),
    }
)
