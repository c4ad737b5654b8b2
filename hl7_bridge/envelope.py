"""What every message leaves besides its content: the raw message, and the Provenance of all that it changed.

Spec: https://hl7.org/fhir/R4/documentreference.html, https://hl7.org/fhir/R4/provenance.html
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hl7_bridge.datatypes.times import utc
from hl7_bridge.er7 import Message
from hl7_bridge.mapping.context import Context, Draft, identifier_key
from hl7_bridge.mapping.scope import Scope

Element = dict[str, Any]

MESSAGE_SYSTEM = "urn:hl7v2:message"
CONTENT_TYPE = "x-application/hl7-v2+er7"
EVENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0003"
AGENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def message_identity(message: Message) -> str:
    """Return what identifies a message: sender, control id and the digest of its body."""
    application, facility = message.sender
    # What frames a message is no part of it: a repeat with other line ends at its end is the same message.
    digest = hashlib.sha256(message.raw.strip(b"\r\n\x1c\x0b")).hexdigest()
    return "|".join((application, facility, message.control_id, digest))


def message_identifier(message: Message) -> Element:
    """Return the identifier of a message."""
    return {"system": MESSAGE_SYSTEM, "value": message_identity(message)}


def attachment(message: Message) -> Element:
    return {
        "contentType": CONTENT_TYPE,
        "data": base64.b64encode(message.raw).decode("ascii"),
        "size": len(message.raw),
        "hash": base64.b64encode(hashlib.sha1(message.raw, usedforsecurity=False).digest()).decode("ascii"),
        "title": f"HL7 v2 {message.type}^{message.trigger} {message.control_id}",
    }


def keep_raw(message: Message, scope: Scope, context: Context, received: datetime) -> Draft:
    """Return the entry that holds the raw message.

    A message that is about a document (MDM) is one more form in which that document exists: its own
    DocumentReference holds it. For any other one is made.
    """
    identifier = {"system": MESSAGE_SYSTEM, "value": context.identity}
    content: Element = {"attachment": attachment(message)}
    document = scope.find("DocumentReference")
    if document is not None:
        known = document.resource
        document.resource = {
            **known,
            "identifier": [*known.get("identifier", ()), identifier],
            "content": [*known.get("content", ()), content],
        }
        return document
    draft = context.draft("DocumentReference", "create")
    draft.key = identifier_key(MESSAGE_SYSTEM, context.identity)
    draft.resource |= {"identifier": [identifier], "status": "current", "date": utc(received), "content": [content]}
    if (patient := scope.find("Patient")) is not None:
        draft.resource["subject"] = patient.reference
    return draft


def provenance(
    message: Message, scope: Scope, context: Context, received: datetime, *, raw: Draft, about: Sequence[Draft]
) -> Draft:
    """Return the entry that says where the message's resources come from, and when what it tells happened."""
    known = scope.drafts.get("Provenance")
    draft = known if known is not None else context.draft("Provenance", "create")
    name = " ".join(part for part in message.sender if part) or "unknown sender"
    sender = {"identifier": {"system": "urn:hl7v2:sender", "value": context.sender.name}, "display": name}
    agent = {"type": {"coding": [{"system": AGENT_SYSTEM, "code": "author"}]}, "who": sender}
    made: Element = {
        "target": [one.reference for one in about] or [raw.reference],
        "recorded": utc(received),
        "activity": {"coding": [{"system": EVENT_SYSTEM, "code": " ".join((message.trigger or message.type).split())}]},
        "agent": [agent, *draft.resource.get("agent", ())],
        "entity": [{"role": "source", "what": one.reference} for one in (raw, scope.find("MessageHeader")) if one],
    }
    if context.occurred:
        made["occurredDateTime"] = context.occurred
    draft.resource = {**draft.resource, **made}
    return draft
