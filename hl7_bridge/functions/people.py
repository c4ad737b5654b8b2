"""Persons: the time of birth, and race and ethnic group where a message has them.

Spec: https://hl7.org/fhir/R4/patient-profiles.html, https://hl7.org/fhir/R4/extensibility.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hl7_bridge.datatypes import codes, times
from hl7_bridge.er7 import Segment
from hl7_bridge.functions.parties import drop
from hl7_bridge.mapping.context import Context, Draft
from hl7_bridge.mapping.functions import Function
from hl7_bridge.mapping.scope import Scope
from hl7_bridge.mapping.targets import removed

Element = dict[str, Any]

BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
ANIMAL = "http://hl7.org/fhir/StructureDefinition/patient-animal"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
CDC = "urn:oid:2.16.840.1.113883.6.238"
RACES = {"1002-5", "2028-9", "2054-5", "2076-8", "2106-3"}
ETHNIC_GROUPS = {"H": "2135-2", "N": "2186-5", "2135-2": "2135-2", "2186-5": "2186-5"}


def birth_time(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put the time of birth, when PID-7 tells it, into the extension of birthDate."""
    moment = times.date_time(segment.value(7), context.zone) if segment.value(7)[8:] else None
    if moment and "T" in moment:
        draft.resource["_birthDate"] = {"extension": [{"url": BIRTH_TIME, "valueDateTime": moment}]}


def race(segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Put PID-10 as the extension for race; other codes than those of the CDC as its text."""
    parts: list[Element] = []
    for field in segment.repetitions(10):
        code, display = field.value(1).strip(), field.value(2).strip()
        if code in RACES:
            parts.append({"url": "ombCategory", "valueCoding": coding(code, display)})
        elif code.replace("-", "").isdigit() and code[-2:-1] == "-":
            parts.append({"url": "detailed", "valueCoding": coding(code, display)})
    texts = [text for field in segment.repetitions(10) if (text := field.value(2).strip() or field.value(1).strip())]
    add(draft, "race", parts, texts)


def ethnic_group(segment: Segment, draft: Draft, _scope: Scope, _context: Context) -> None:
    """Put PID-22 as the extension for ethnicity."""
    parts, texts = [], []
    for field in segment.repetitions(22):
        code, display = field.value(1).strip(), field.value(2).strip()
        if known := ETHNIC_GROUPS.get(code):
            parts.append({"url": "ombCategory", "valueCoding": coding(known, display)})
        if text := display or code:
            texts.append(text)
    add(draft, "ethnicity", parts[:1], texts)


def animal(segment: Segment, draft: Draft, _scope: Scope, context: Context) -> None:
    """Put species and breed (PID-35, PID-36) of a patient that is an animal; the extension demands the species."""
    species = codes.codeable_concept(segment.field(35), context, None)
    breed = codes.codeable_concept(segment.field(36), context, None)
    parts = [{"url": "species", "valueCodeableConcept": species or {"text": "unknown"}}]
    if breed:
        parts.append({"url": "breed", "valueCodeableConcept": breed})
    if species or breed:
        draft.resource["extension"] = [*draft.resource.get("extension", ()), {"url": ANIMAL, "extension": parts}]


def mother(_segment: Segment, draft: Draft, scope: Scope, context: Context) -> None:
    """Give the number of the mother (PID-21) to the one whom the message names as such (NK1), if it names one."""
    named = [one for one in scope.every("RelatedPerson") if is_mother(one.resource)]
    if len(named) == 1:
        known = named[0].resource.get("identifier", [])
        added = [one for one in draft.resource.get("identifier", ()) if one not in known]
        named[0].resource["identifier"] = [*known, *added]
        drop(draft, context)


def is_mother(person: Element) -> bool:
    codings = [coding for concept in person.get("relationship", ()) for coding in concept.get("coding", ())]
    return any(coding.get("code") == "MTH" for coding in codings)


def coding(code: str, display: str) -> Element:
    return {"system": CDC, "code": code, "display": display} if display else {"system": CDC, "code": code}


def add(draft: Draft, name: str, parts: list[Element], texts: list[str]) -> None:
    if '""' in texts:
        draft.clears.add(removed("extension*", {"url": US_CORE + name}))
    texts = [text for text in texts if text != '""']
    if texts:
        whole = [*parts, {"url": "text", "valueString": ", ".join(texts)}]
        draft.resource["extension"] = [
            *draft.resource.get("extension", ()),
            {"url": US_CORE + name, "extension": whole},
        ]


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "birth_time": Function(birth_time, (7,), "_birthDate", optional=True),
        "mother": Function(mother),
        "animal": Function(animal, (35, 36), "extension (animal)", optional=True),
        "race": Function(race, (10,), "extension (race)", optional=True),
        "ethnic_group": Function(ethnic_group, (22,), "extension (ethnicity)", optional=True),
    }
)
