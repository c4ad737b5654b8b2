"""Converts a message that a test writes, and checks that what comes out is valid FHIR."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from conformance.load import definitions
from conformance.walk.validator import Validator
from hl7_bridge.convert import Conversion, Converter
from hl7_bridge.er7 import parse

Resource = dict[str, Any]

RECEIVED = datetime(2024, 3, 5, 9, 20, tzinfo=UTC)
PATIENT = "PID|1||778899^^^CITYHOSP^MR||LINDQVIST^MARTA^E||19790412|F"


@cache
def converter() -> Converter:
    return Converter(zone=ZoneInfo("Europe/Stockholm"))


@cache
def validator() -> Validator:
    return Validator(definitions())


@dataclass(frozen=True)
class Converted:
    """A conversion, with its resources by type."""

    conversion: Conversion

    def all(self, type_: str) -> list[Resource]:
        return [one.resource for one in self.conversion.entries if one.resource["resourceType"] == type_]

    def one(self, type_: str) -> Resource:
        found = self.all(type_)
        assert len(found) == 1, f"{len(found)} resources of type {type_}"
        return found[0]

    def entry(self, type_: str, value: str) -> Any:
        """The entry of the resource that has an identifier with a value."""
        found = [
            one
            for one in self.conversion.entries
            if one.resource["resourceType"] == type_
            and any(identifier["value"] == value for identifier in one.resource.get("identifier", ()))
        ]
        assert len(found) == 1, f"{len(found)} resources of type {type_} with identifier {value}"
        return found[0]

    def identified(self, type_: str, value: str) -> Resource:
        resource: Resource = self.entry(type_, value).resource
        return resource

    def referred(self, reference: Resource) -> Resource:
        """The resource that a Reference means."""
        return next(one.resource for one in self.conversion.entries if one.full_url == reference["reference"])


def convert(event: str, *segments: str, sender: str = "WARD|CITYHOSP", version: str = "2.5.1") -> Converted:
    """Convert a message of an event ("ADT^A01"); each resource, and the Bundle, has to be valid."""
    header = f"MSH|^~\\&|{sender}|FHIRSRV|CITYHOSP|20240305101500+0100||{event}|M1|P|{version}"
    message = parse("\r".join((header, *segments)).encode())
    conversion = converter().convert(message, received=RECEIVED)
    assert validator().issues(conversion.bundle()) == []
    return Converted(conversion)


def codes(concept: Resource | None) -> list[str]:
    """The codes of a CodeableConcept."""
    return [coding["code"] for coding in (concept or {}).get("coding", ())]


def at(resource: Any, path: str) -> Any:
    """What stands at a path ("note.0.text"); None when there is nothing."""
    for step in path.split("."):
        if isinstance(resource, list):
            resource = resource[int(step)] if int(step) < len(resource) else None
        else:
            resource = resource.get(step) if resource is not None else None
    return resource


def segment(name: str, known: dict[int, str], **fields: str) -> str:
    """A segment with fields by number; `_7="x"` replaces or adds a field."""
    texts = known | {int(one[1:]): text for one, text in fields.items()}
    return f"{name}|" + "|".join(texts.get(number, "") for number in range(1, max(texts, default=0) + 1))
