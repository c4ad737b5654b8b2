"""Documents: their content from OBX, the documents that they replace or add to, the orders that they are about.

Spec: https://hl7.org/fhir/R4/documentreference.html
"""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import identifiers, media
from hl7_bridge.er7 import Field, Segment
from hl7_bridge.functions.reading import leave, take
from hl7_bridge.mapping.context import Context, Draft, key_of
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

RELATIONS: Mapping[str, str] = MappingProxyType({"T09": "replaces", "T10": "replaces"})
"""What a document is to its parent (TXA-13), by the event; to all others it adds something."""

DICOM_UID = "urn:dicom:uid"


def parent_document(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put TXA-13 as relatesTo; a document that is replaced becomes superseded."""
    field = segment.field(13)
    if not field or field.is_null or (identifier := identifiers.entity_id(field, context, None)) is None:
        return
    relation = RELATIONS.get(scope.message.trigger, "appends")
    parent = context.draft("DocumentReference", "upsert" if relation == "replaces" else "reference")
    parent.key = key_of(identifier)
    status = "superseded" if relation == "replaces" else "current"
    number = identifier["value"]
    parent.resource |= {
        "masterIdentifier": identifier,
        "status": status,
        "content": [{"attachment": {"title": number}}],
    }
    # Of a parent that was received nothing is known here but that it is no longer the current one.
    parent.merge = {"content": "keep"}
    if (patient := scope.find("Patient")) is not None:
        parent.resource["subject"] = patient.reference
    draft.resource["relatesTo"] = [{"code": relation, "target": parent.reference}]


def document_orders(segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Put the orders of the message as context.related, or TXA-14 and TXA-15 when it brings none."""
    around = scope.parent or scope
    related: list[Element] = [order.reference for order in around.every("ServiceRequest")]
    for number, kind in () if related else ((14, "identifier-PLAC"), (15, "identifier-FILL")):
        table = context.sender.tables.get(kind)
        found = [identifiers.entity_id(one, context, table) for one in segment.repetitions(number) if one]
        related += [{"type": "ServiceRequest", "identifier": one} for one in found if one]
    if related:
        known = draft.resource.get("context", {})
        draft.resource["context"] = {**known, "related": [*known.get("related", ()), *related]}


def complete_document(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Finish a document: its content from the OBX, its key from the number that everybody knows it by."""
    if (number := draft.resource.get("masterIdentifier")) is not None:
        draft.key = key_of(number)
    if authors := draft.resource.get("author"):
        draft.resource["author"] = [one for number, one in enumerate(authors) if one not in authors[:number]]
    contents = content_of(draft, scope, context)
    first = scope.message.first("TXA") in scope.segments
    # A message without content speaks of a document that is stored: its content stays.
    draft.merge = {"content": "replace" if contents else "union"}
    described = draft.resource.pop("content", [{}])[0].get("attachment", {})
    for one in contents:
        attachment = {**described, **one}
        draft.resource["content"] = [*draft.resource.get("content", ()), {"attachment": attachment}]
    if not contents and not first:
        # The raw message is the content of the first document only.
        draft.resource["content"] = [{"attachment": described or {"title": "without content"}}]
        draft.weak.add("content")


def content_of(draft: Draft, scope: Scope, context: Context) -> list[Element]:
    """Return the attachments that the OBX of a document hold; lines of text are one attachment."""
    found: list[Element] = []
    lines: list[str] = []
    observations = scope.every_segment("OBX")
    for segment in observations:
        kind = segment.value(2).strip().upper()
        # Lines of one text carry its code each: it is the title once.
        again = kind in ("ED", "RP", "HD") or segment.raw(3) == observations[0].raw(3)
        leave(context, segment, 1, 2, 4, 11)
        take(context, segment, "DocumentReference.content", 5, *((3,) if again else ()))
        if kind in ("TX", "FT", "ST") and not segment.raw(5):
            lines.append("")
        for field in segment.repetitions(5):
            if not field or field.is_null:
                continue
            if kind in ("ED", "RP"):
                attachment = (media.encapsulated if kind == "ED" else media.pointer)(field, context, None)
                found += [{**title_of(segment, observations[0]), **attachment}] if attachment else []
            elif kind == "HD":
                put_study(segment, field, draft)
            else:
                lines.append(field.text)
    if text := "\n".join(lines).strip("\n"):
        data = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")
        found.insert(0, {"contentType": "text/plain; charset=utf-8", "data": data})
    return found


def title_of(segment: Segment, first: Segment) -> Element:
    """Return the title of what an OBX holds, when its code is another than that of the document's first one."""
    title = segment.value(3, 2).strip() or segment.value(3).strip()
    return {"title": title} if title and segment.raw(3) != first.raw(3) else {}


def put_study(segment: Segment, field: Field, draft: Draft) -> None:
    """Put a unique id (HD) as the study that the document is about."""
    uid = field.value(2).strip() or field.value(1).strip()
    study = {"identifier": {"system": DICOM_UID, "value": uid if uid.startswith("urn:") else f"urn:oid:{uid}"}}
    name = segment.value(3, 2).strip() or segment.value(3).strip()
    known = draft.resource.get("context", {})
    related = {**study, "display": name} if name else study
    draft.resource["context"] = {**known, "related": [*known.get("related", ()), related]}


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "parent_document": Function(parent_document, (13,), "relatesTo"),
        "document_orders": Function(document_orders, (14, 15), "context.related"),
        "complete_document": Function(complete_document, (), "content"),
    }
)
